package redis_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/internal/child/childtest"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestServerIsRealAndPrivate(t *testing.T) {
	servertest.Needed(t)
	for _, withFile := range []bool{false, true} {
		s, err := redis.Start(t.Context(), redis.Options{ACLFile: withFile})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		for command, want := range map[string]string{"PING": "-NOAUTH", "AUTH wrong": "-WRONGPASS", "AUTH " + s.Password: "+OK"} {
			if got := say(t, s.Addr(), command); !strings.HasPrefix(got, want) {
				t.Errorf("ACL file %v: the answer is %.12q, want %s", withFile, got, want)
			}
		}
		if os.Geteuid() == 0 && childtest.Owner(t, s.PID()) == 0 {
			t.Error("the server runs as root")
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
		if c, err := net.Dial("tcp", s.Addr()); err == nil {
			_ = c.Close()
			t.Error("after Close somebody still answers")
		}
	}
}

func TestServerDiesWithItsProcess(t *testing.T) {
	servertest.Needed(t)
	childtest.DiesWithParent(t, func(ctx context.Context) (int, error) {
		s, err := redis.Start(ctx, redis.Options{})
		if err != nil {
			return 0, err
		}
		return s.PID(), nil
	})
}

func TestMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := redis.Start(t.Context(), redis.Options{}); !errors.Is(err, redis.ErrMissing) {
		t.Errorf("without the program: %v", err)
	}
}

func say(t *testing.T, addr, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}
