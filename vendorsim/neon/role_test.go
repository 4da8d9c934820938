package neon_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/neon"
)

// TestResetIsNotDoneWhenItIsAnswered holds what makes resets dangerous: the
// old password works until the operations have ended, then connections drop.
func TestResetIsNotDoneWhenItIsAnswered(t *testing.T) {
	s := newSite(t, neon.Config{Operation: operation}, neon.Project{})
	old, _ := s.RolePassword(project, s.branch, "neondb_owner")
	session, ok := s.Login(project, s.branch, "neondb_owner", old)
	if !ok {
		t.Fatal("the first password does not work")
	}
	s.pass(time.Minute)
	got := s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
	fresh := text(t, got, "role", "password")
	if status := text(t, got, "operations", 0, "status"); status != "running" || text(t, got, "operations", 0, "action") != "apply_config" {
		t.Errorf("the operation is %s", status)
	}
	if stored := s.must(200, "GET", s.path+"/roles/neondb_owner/reveal_password", nil); stored["password"] != fresh {
		t.Error("the new password is not stored at once")
	}
	if !s.login("neondb_owner", old) || s.login("neondb_owner", fresh) || !session.Alive() {
		t.Error("before the operation has ended, the old password is what works")
	}
	s.pass(operation)
	if s.login("neondb_owner", old) || !s.login("neondb_owner", fresh) || session.Alive() {
		t.Error("after the operation has ended, the new password is what works, and connections were dropped")
	}
	id := text(t, got, "operations", 0, "id")
	if one := s.must(200, "GET", "/projects/"+project+"/operations/"+id, nil); text(t, one, "operation", "status") != "finished" {
		t.Error("the operation does not show as finished")
	}
	s.refused(404, s.key, "GET", "/projects/"+project+"/operations/"+"6bef07a0-ebca-40cd-9100-7324036cfff2", nil)
}

func TestChangesAreRefusedWhileOperationsRun(t *testing.T) {
	s := newSite(t, neon.Config{Operation: operation}, neon.Project{})
	s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v1"}})
	s.refused(423, s.key, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v2"}})
	s.refused(423, s.key, "DELETE", s.path+"/roles/app_v1", nil)
	s.refused(423, s.key, "POST", "/projects/"+project+"/branches", nil)
	s.must(200, "GET", s.path+"/roles", nil)
	s.pass(operation)
	s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v2"}})
}

func TestAnIdleComputeIsWoken(t *testing.T) {
	s := newSite(t, neon.Config{Operation: operation}, neon.Project{})
	s.Rest(project, s.branch)
	s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
	var seen []string
	for range 4 {
		line := ""
		for _, o := range s.Operations(project) {
			line += o.Action + " " + o.Status + "; "
		}
		seen = append(seen, line)
		s.pass(operation)
	}
	want := []string{
		"start_compute running; apply_config scheduling; suspend_compute scheduling; ",
		"start_compute finished; apply_config running; suspend_compute scheduling; ",
		"start_compute finished; apply_config finished; suspend_compute running; ",
		"start_compute finished; apply_config finished; suspend_compute finished; ",
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("after %d operations: %s, want %s", i, seen[i], want[i])
		}
	}
}

func TestAFailedOperationChangesNothing(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	old, _ := s.RolePassword(project, s.branch, "neondb_owner")
	s.FailNext("apply_config")
	got := s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
	if text(t, got, "operations", 0, "status") != "failed" || text(t, got, "operations", 0, "error") == "" {
		t.Error("the operation does not show as failed")
	}
	if !s.login("neondb_owner", old) || s.login("neondb_owner", text(t, got, "role", "password")) {
		t.Error("the failed operation has changed the password")
	}
}

func TestRoles(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	made := s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v1"}})
	password := text(t, made, "role", "password")
	if !s.login("app_v1", password) {
		t.Error("the new role cannot log in")
	}
	if one := s.must(200, "GET", s.path+"/roles/app_v1", nil); at(t, one, "role", "password") != nil {
		t.Error("a role's password shows when it is not new")
	}
	s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "tables", "no_login": true}})
	s.refused(404, s.key, "GET", s.path+"/roles/tables/reveal_password", nil)
	s.refused(422, s.key, "POST", s.path+"/roles/tables/reset_password", nil)
	s.refused(409, s.key, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v1"}})
	for _, name := range []string{"", strings.Repeat("x", 64), "pg_app", "neon_superuser"} {
		s.refused(400, s.key, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": name}})
	}
	s.refused(422, s.key, "DELETE", s.path+"/roles/neondb_owner", nil) // it owns neondb
	session, _ := s.Login(project, s.branch, "app_v1", password)
	s.must(200, "DELETE", s.path+"/roles/app_v1", nil)
	if session.Alive() || s.login("app_v1", password) {
		t.Error("a deleted role lives on")
	}
	s.must(204, "DELETE", s.path+"/roles/app_v1", nil)
	s.refused(404, s.key, "GET", s.path+"/roles/app_v1/reveal_password", nil)
	s.refused(404, s.key, "DELETE", "/projects/"+project+"/branches/br-no-such-1/roles/app_v1", nil)
	s.SetOwner(project, s.branch, "neondb", "tables")
	s.must(200, "DELETE", s.path+"/roles/neondb_owner", nil)
	if got := strings.Join(s.Roles(project, s.branch), " "); got != "tables" {
		t.Errorf("the branch has the roles %s", got)
	}
}

func TestAProjectThatStoresNoPasswords(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{ForgetsPWs: true})
	s.refused(412, s.key, "GET", s.path+"/roles/neondb_owner/reveal_password", nil)
	s.refused(412, s.key, "GET", "/projects/"+project+"/connection_uri?database_name=neondb&role_name=neondb_owner", nil)
	if got := s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil); text(t, got, "role", "password") == "" {
		t.Error("a reset does not show the new password")
	}
}

func TestConnectionURI(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	password := s.AddRole(project, s.branch, "app/v1@x", false)
	q := "?database_name=neondb&pooled=true&branch_id=" + s.branch + "&role_name=" + url.QueryEscape("app/v1@x")
	uri := text(t, s.must(200, "GET", "/projects/"+project+"/connection_uri"+q, nil), "uri")
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal("the connection string is no URL")
	}
	got, _ := u.User.Password()
	if u.User.Username() != "app/v1@x" || got != password || u.Path != "/neondb" || !strings.Contains(u.Host, "-pooler.") {
		t.Error("the connection string is not the role's")
	}
	for _, q := range []string{"?database_name=no&role_name=neondb_owner", "?database_name=neondb&role_name=no", "?database_name=neondb&role_name=neondb_owner&branch_id=br-no-1", "?database_name=neondb&role_name=neondb_owner&endpoint_id=ep-no-1"} {
		s.refused(404, s.key, "GET", "/projects/"+project+"/connection_uri"+q, nil)
	}
}

func TestOperationsAreListedNewestFirst(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	for range 3 {
		s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
		s.pass(time.Hour)
	}
	var times []string
	cursor := ""
	for range 3 {
		page := s.must(200, "GET", "/projects/"+project+"/operations?limit=1"+cursor, nil)
		times, cursor = append(times, text(t, page, "operations", 0, "created_at")), "&cursor="+text(t, page, "pagination", "cursor")
	}
	if !(times[0] > times[1] && times[1] > times[2]) {
		t.Errorf("the pages have %v", times)
	}
	if last := s.must(200, "GET", "/projects/"+project+"/operations?limit=1"+cursor, nil); len(at(t, last, "operations").([]any)) != 0 {
		t.Error("there is a page behind the last one")
	}
	s.refused(400, s.key, "GET", "/projects/"+project+"/operations?limit=1001", nil)
}
