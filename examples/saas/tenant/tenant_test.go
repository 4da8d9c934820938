package tenant_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

var first, second = strings.Repeat("11", 32), strings.Repeat("22", 32)

func TestARowIsReadThroughARotationOfItsKey(t *testing.T) {
	ctx, secrets := t.Context(), tenant.Secrets{DatabaseURL: "postgresql://a", RedisURL: "rediss://b", AdminToken: "c"}
	before := box(t, first, first)
	row, err := before.Seal(ctx, "id-1", secrets)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*tenant.Box{"before": before, "both": box(t, second, first+","+second), "readers": box(t, "", first+","+second)} {
		if got, err := b.Open(ctx, "id-1", row); err != nil || got != secrets {
			t.Errorf("%s: it opens as %+v, %v", name, got, err)
		}
	}
	if got, err := box(t, second, second).Open(ctx, "id-1", row); err == nil {
		t.Errorf("without the old key it opens as %+v", got)
	}
	if got, err := before.Open(ctx, "id-2", row); err == nil {
		t.Errorf("as another tenant's it opens as %+v", got)
	}
}

func box(t *testing.T, key, accepts string) *tenant.Box {
	t.Helper()
	b, err := tenant.BoxOf(func(name string) string {
		return map[string]string{tenant.EnvKey: key, tenant.EnvAccepts: accepts}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsNoKeyIsRefusedAndNotShown(t *testing.T) {
	if _, err := tenant.NewBox("", ""); err == nil {
		t.Error("a box without a key")
	}
	if _, err := tenant.NewBox(first, "CANARY"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("got %v", err)
	}
}
