package neon_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/neon"
)

// child makes a branch with a compute and gives its id.
func (s *site) child(name string) string {
	s.t.Helper()
	body := map[string]any{"branch": map[string]any{"name": name}, "endpoints": []any{map[string]any{"type": "read_write"}}}
	return text(s.t, s.must(201, "POST", "/projects/"+project+"/branches", body), "branch", "id")
}

// TestChildBranchesKeepTheOldPassword holds the trap of a reset: what was
// branched off before keeps what it was given.
func TestChildBranchesKeepTheOldPassword(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	old, _ := s.RolePassword(project, s.branch, "neondb_owner")
	child := s.child("preview")
	fresh := text(t, s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil), "role", "password")
	if _, ok := s.Login(project, child, "neondb_owner", old); !ok {
		t.Error("the child does not take the old password")
	}
	if _, ok := s.Login(project, child, "neondb_owner", fresh); ok {
		t.Error("the child takes the parent's new password")
	}
	s.Protect(project, s.branch)
	if _, ok := s.Login(project, s.child("of-protected"), "neondb_owner", fresh); ok {
		t.Error("the child of a protected branch has the parent's password")
	}
}

func TestBranches(t *testing.T) {
	s := newSite(t, neon.Config{Operation: operation}, neon.Project{})
	child := s.child("tenant-1")
	path := "/projects/" + project + "/branches/" + child
	if got := s.must(200, "GET", path, nil); text(t, got, "branch", "current_state") != "init" || text(t, got, "branch", "parent_id") != s.branch {
		t.Error("a branch is ready before its operations have ended")
	}
	s.pass(2 * operation)
	if got := s.must(200, "GET", path, nil); text(t, got, "branch", "current_state") != "ready" {
		t.Error("a branch is not ready although its operations have ended")
	}
	if got := s.must(200, "GET", path+"/endpoints", nil); text(t, got, "endpoints", 0, "branch_id") != child {
		t.Error("the branch has no endpoint")
	}
	s.refused(409, s.key, "POST", "/projects/"+project+"/branches", map[string]any{"branch": map[string]any{"name": "tenant-1"}})
	s.refused(422, s.key, "DELETE", s.path, nil)
	body := map[string]any{"branch": map[string]any{"name": "grandchild", "parent_id": child}}
	s.must(201, "POST", "/projects/"+project+"/branches", body)
	s.pass(operation)
	s.refused(422, s.key, "DELETE", path, nil)
	s.must(200, "DELETE", "/projects/"+project+"/branches/"+s.Branches(project)[2].ID, nil)
	s.pass(operation)
	s.must(200, "DELETE", path, nil)
	if len(s.Branches(project)) != 2 {
		t.Error("the branch is gone before its operations have ended")
	}
	s.pass(2 * operation)
	s.must(204, "DELETE", path, nil)
	s.refused(404, s.key, "GET", path, nil)
}

func TestBranchesAreListedByPage(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	for i := range 5 {
		s.child(fmt.Sprintf("tenant-%d", i))
	}
	var names []string
	cursor := ""
	for {
		page := s.must(200, "GET", "/projects/"+project+"/branches?search=tenant&limit=2"+cursor, nil)
		for _, b := range at(t, page, "branches").([]any) {
			names = append(names, text(t, b, "name"))
		}
		next, more := at(t, page, "pagination", "next").(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if got := strings.Join(names, " "); got != "tenant-0 tenant-1 tenant-2 tenant-3 tenant-4" {
		t.Errorf("the pages have %s", got)
	}
}

func TestDatabases(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	body := map[string]any{"database": map[string]any{"name": "shop", "owner_name": "neondb_owner"}}
	s.must(201, "POST", s.path+"/databases", body)
	s.refused(409, s.key, "POST", s.path+"/databases", body)
	s.refused(404, s.key, "POST", s.path+"/databases", map[string]any{"database": map[string]any{"name": "x", "owner_name": "nobody"}})
	if got := s.must(200, "GET", s.path+"/databases", nil); text(t, got, "databases", 1, "name") != "shop" {
		t.Error("the new database is not listed")
	}
}

func TestProjects(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	made := s.must(201, "POST", "/projects", map[string]any{"project": map[string]any{"name": "shop", "org_id": org, "branch": map[string]any{"role_name": "sally", "database_name": "shopdb"}}})
	id, branch := text(t, made, "project", "id"), text(t, made, "branch", "id")
	if _, ok := s.Login(id, branch, "sally", text(t, made, "roles", 0, "password")); !ok {
		t.Error("the first role cannot log in")
	}
	if got := s.must(200, "GET", "/projects?limit=1&org_id="+org, nil); text(t, got, "projects", 0, "id") != project {
		t.Error("the list does not begin with the first project")
	} else if next := s.must(200, "GET", "/projects?org_id="+org+"&cursor="+text(t, got, "pagination", "cursor"), nil); text(t, next, "projects", 0, "id") != id {
		t.Error("the list does not go on with the second project")
	}
	if got := s.must(200, "GET", "/projects", nil); len(at(t, got, "projects").([]any)) != 0 {
		t.Error("a person's own list has an organisation's projects")
	}
	s.must(200, "DELETE", "/projects/"+id, nil)
	s.refused(404, s.key, "GET", "/projects/"+id, nil)
}

// TestAServiceProvisionsWithItsKey is what a service does that keeps a branch
// for each of its customers.
func TestAServiceProvisionsWithItsKey(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	id, key := s.AddOrgKey(org, "", "control plane")
	branch, err := s.Provision(key, project, "keytest")
	if err != nil || len(s.Branches(project)) != 2 {
		t.Fatalf("no branch was made: %v", err)
	}
	if err := s.Deprovision(key, project, branch); err != nil || len(s.Branches(project)) != 1 {
		t.Errorf("the branch is still there: %v", err)
	}
	s.must(200, "DELETE", "/organizations/"+org+"/api_keys/"+id, nil)
	if _, err := s.Provision(key, project, "keytest"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a revoked key provisions: %v", err)
	}
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Operation: "POST /api/v2/projects/{project}/branches", Code: 503})
	if _, err := s.Provision(s.key, project, "keytest"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the fault did not reach the service: %v", err)
	}
}

func TestEverythingIssuedIsACanary(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	s.must(200, "POST", "/api_keys", map[string]any{"key_name": "x"})
	s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
	if len(s.Issued()) != 4 {
		t.Errorf("%d credentials are known, want 4", len(s.Issued()))
	}
	for _, v := range s.Issued() {
		if !strings.Contains(v, vendorsim.Canary) {
			t.Error("a credential has no canary in it")
		}
	}
}
