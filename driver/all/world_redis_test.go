package all_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// redisWorld is a real server with an administrator and two users.
func redisWorld(t testing.TB, _ *drivertest.Clock) drivertest.World {
	server := servertest.Redis(t)
	run := func(command ...any) string { return redisRun(t, server, command...) }
	for _, name := range []string{"app", "other"} {
		run("ACL", "SETUSER", name, "reset", "on", ">"+drivertest.Canary, "~"+name+":*", "+get", "+set", "+ping")
	}
	run("CONFIG", "SET", "requirepass", server.Password)
	set := func(name string) estate.Settings {
		return estate.Settings{"user": name, "gentoken": false, "persist": "auto"}
	}
	state := func() string { return run("ACL", "LIST") }
	return drivertest.World{
		Dial:       (&net.Dialer{}).DialContext,
		Call:       redisCall,
		Settings:   estate.Settings{"host": "127.0.0.1", "port": server.Port, "user": redis.Admin, "tls": "disable"},
		Credential: secret.NewString(server.Password),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "acl_user", Settings: set("app"), Other: set("other"), State: state},
			{Role: estate.RoleIssuer, Kind: "requirepass", Settings: estate.Settings{"persist": "auto"}, State: state},
			{Role: estate.RoleCheck, Kind: "ping", Settings: estate.Settings{"user": "app"}, Break: func() { run("ACL", "SETUSER", "app", "resetpass", ">another") }},
		},
		Excuses: []drivertest.Excuse{
			{Act: "RESP ACL GENTOKEN", Fault: drivertest.Unused, Why: "it is Upstash's own"},
			{Act: "RESP ACL SAVE", Fault: drivertest.Unused, Why: "this server keeps its users in redis.conf"},
			{Act: "RESP INFO server", Fault: drivertest.Unused, Why: "this server has a configuration file"},
		},
	}
}

// redisRun runs a command as the administrator, on a connection of its own.
func redisRun(t testing.TB, server *redis.Server, command ...any) string {
	t.Helper()
	c, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Username: redis.Admin, Password: server.Password, Protocol: 2, DisableIdentity: true, MaxRetries: -1,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return c, nil }})
	defer func() { _ = client.Close() }()
	answer, err := client.Do(context.Background(), command...).Result()
	if err != nil {
		t.Fatalf("%v: %v", command[0], err)
	}
	return fmt.Sprint(answer)
}

// redisCall names a request by the words that it begins with.
func redisCall(sent []byte) string {
	var words []string
	for lines := bufio.NewScanner(bytes.NewReader(sent)); lines.Scan(); {
		if text := lines.Text(); text != "" && text[0] != '*' && text[0] != '$' {
			words = append(words, text)
		}
	}
	switch name := strings.ToUpper(words[0]); name {
	case "ACL", "INFO":
		return "RESP " + name + " " + words[1]
	case "CONFIG":
		return "RESP " + strings.Join(words[:min(len(words), 3)], " ")
	default:
		return "RESP " + name
	}
}
