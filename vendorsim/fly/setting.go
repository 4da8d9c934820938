package fly

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// What a machine's configuration says about the life of its program, with what
// Fly takes where it says nothing.

// killTimeout is how long a program may take to stop. Fly's default is 5 s and
// its most 5 minutes (fly.toml reference: kill_timeout).
func (m *machine) killTimeout() time.Duration {
	stop, _ := m.config["stop_config"].(map[string]any)
	return min(duration(stop, "timeout", 5*time.Second), 5*time.Minute)
}

// signal is what asks a program to stop. Fly's own default is SIGINT (fly.toml
// reference: kill_signal); here it is SIGTERM, which every program knows. A
// program that counts on one names it in stop_config.
func (m *machine) signal() string {
	stop, _ := m.config["stop_config"].(map[string]any)
	if s := text(stop, "signal"); s != "" {
		return s
	}
	return "SIGTERM"
}

// restarts is how often a program that exits with a code is started again:
// that often since it last worked. Without a policy it is on-failure (the
// description); that this is 10 times is what flyctl sets.
func (m *machine) restarts(code int) int {
	restart, _ := m.config["restart"].(map[string]any)
	switch text(restart, "policy") {
	case "no":
		return 0
	case "always":
		return math.MaxInt
	}
	if code == 0 {
		return 0
	}
	if n, ok := restart["max_retries"].(float64); ok {
		return int(n)
	}
	return 10
}

// check is the health check of a machine.
type check struct {
	name, path        string
	timeout, interval time.Duration
}

// check gives the first HTTP check of the configuration's services, GET
// /health where there is none. The defaults of its times are Fly's, but that of
// the interval: Fly's is 15 s, in which somebody who waits at a demonstration
// falls asleep. Further checks, and those outside of services, are left out.
func (m *machine) check() check {
	c := check{name: "servicecheck-00-http-8080", path: "/health", timeout: 2 * time.Second, interval: time.Second}
	services, _ := m.config["services"].([]any)
	for _, s := range services {
		service, _ := s.(map[string]any)
		if port, ok := service["internal_port"].(float64); ok {
			c.name = "servicecheck-00-http-" + strconv.Itoa(int(port))
		}
		checks, _ := service["checks"].([]any)
		for _, x := range checks {
			set, _ := x.(map[string]any)
			if path := text(set, "path"); path != "" {
				c.path, c.timeout, c.interval = path, duration(set, "timeout", c.timeout), duration(set, "interval", c.interval)
				return c
			}
		}
	}
	return c
}

// duration reads "10s"; what is none, or not positive, is the default.
func duration(set map[string]any, name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(text(set, name)); err == nil && d > 0 {
		return d
	}
	return otherwise
}

// launch is what the machine's program boots with. What Fly sets itself comes
// before what others set (its documentation, "The Machine runtime
// environment"); secrets come before the configuration, as in env.
func (f *Fly) launch(m *machine) Launch {
	l := Launch{App: m.app.name, Machine: m.id, Region: m.region, Image: text(m.config, "image"), Env: map[string]string{},
		Volume: m.app.volumes() + strconv.Itoa(m.place), Signal: m.signal(), KillTimeout: m.killTimeout(),
		Log: func(line string) { f.log(m, line) }}
	set, _ := m.config["env"].(map[string]any)
	for name := range set {
		l.Env[name] = text(set, name)
	}
	for name, s := range m.booted.secrets {
		l.Env[name] = s.value
	}
	maps.Copy(l.Env, map[string]string{"FLY_APP_NAME": m.app.name, "FLY_MACHINE_ID": m.id, "FLY_ALLOC_ID": m.id, "FLY_MACHINE_VERSION": m.instance,
		"FLY_REGION": m.region, "FLY_PRIVATE_IP": privateIP, "FLY_PROCESS_GROUP": "app", "FLY_IMAGE_REF": l.Image})
	return l
}

// volumes is how the names of an app's volumes begin. The id is in them so
// that another app of the same name gets none of them.
func (a *app) volumes() string { return a.name + "-" + a.id + "/" }

// freePlace is the first place of an app's machines that none has.
func (a *app) freePlace() int {
	for i := 0; ; i++ {
		if !slices.ContainsFunc(a.machines, func(m *machine) bool { return m.place == i }) {
			return i
		}
	}
}
