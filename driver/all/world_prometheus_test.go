package all_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
)

const (
	prometheusHost  = "prometheus.example.com"
	prometheusToken = "prometheus-reader-credential-0123456789"
)

// prometheusWorld is a server with one counter. It answers as Prometheus
// documents it, and 400 for an expression that it does not know.
func prometheusWorld(testing.TB, *drivertest.Clock) drivertest.World {
	errors := "0"
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		query := r.URL.Query().Get("query")
		switch {
		case r.Header.Get("Authorization") != "Bearer "+prometheusToken:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/api/v1/query" || r.Method != http.MethodGet:
			w.WriteHeader(http.StatusNotFound)
		case query == "vector(1)":
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`)
		case query == "errors_total":
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"cp"},"value":[1,"`+errors+`"]}]}}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"unknown expression"}`)
		}
	}
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{prometheusHost: http.HandlerFunc(serve)}),
		Settings:   estate.Settings{"base": "https://" + prometheusHost, "auth_scheme": "Bearer"},
		Credential: secret.NewString(prometheusToken),
		Cases: []drivertest.Case{{Role: estate.RoleCheck, Kind: "query", Hostile: []string{},
			Settings: estate.Settings{"query": "errors_total", "result": "== 0"}, Break: func() { errors = "7" }}},
	}
}
