//go:build unix

package machines_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// inside marks the process that is a machine's program and not the test.
const inside = "MACHINES_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "1" {
		os.Exit(program())
	}
	os.Exit(m.Run())
}

// program is what the machines of these tests run: a server that works with the
// secret KEY. KEY and MODE say how it goes wrong.
func program() int {
	mode, key := os.Getenv("MODE"), os.Getenv("KEY")
	fmt.Println("boots in mode", mode)
	if key == "refused" {
		fmt.Fprintln(os.Stderr, "the key is refused: ending")
		return 7
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch mode {
	case "deaf": // it never listens
		<-ctx.Done()
		return 0
	case "hangs": // nothing but force ends it
		signal.Ignore(syscall.SIGTERM)
		ctx = context.Background()
	}
	boots, err := count(filepath.Join(os.Getenv("DATA_DIR"), "boots"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the volume:", err)
		return 1
	}
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: handler(key, boots), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); fmt.Println("stdin has ended") }()
	select {
	case <-ctx.Done():
		err = server.Shutdown(context.Background())
	case err = <-served:
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "serve:", err)
		return 1
	}
	fmt.Print("ends well, without an end of the line")
	return 0
}

// count counts the boots on a volume.
func count(file string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	n, _ := strconv.Atoi(string(b)) // 0 where there is no file
	return n + 1, os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o600)
}

func handler(key string, boots int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if key == "unwell" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /key", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Machine", os.Getenv("FLY_MACHINE_ID"))
		fmt.Fprint(w, key)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body) // whole: HTTP/1 has no answer before the end of a request
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(b)
	})
	mux.HandleFunc("GET /boots", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, boots) })
	mux.HandleFunc("GET /environ", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(os.Environ()) })
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("is slow")
		time.Sleep(300 * time.Millisecond) // work that takes its time
		fmt.Fprint(w, "whole")
	})
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	return mux
}
