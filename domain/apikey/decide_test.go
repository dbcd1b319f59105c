package apikey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// row is one line of evidence: after given, when leads to then. status is the
// key's after that; empty asks nothing.
type row struct{ name, given, when, then, status string }

func (r row) check(t *testing.T) {
	t.Run(r.name, func(t *testing.T) {
		h := newHistory(t).given(r.given)
		before := h.key
		got := h.when(r.when)
		if got != r.then {
			t.Errorf("given %q\nwhen %q\ngot  %q\nwant %q", r.given, r.when, got, r.then)
		}
		if strings.HasPrefix(got, "refused") || got == "-" {
			if diff := cmp.Diff(before, h.key); diff != "" {
				t.Errorf("nothing followed, and the key has changed:\n%s", diff)
			}
		}
		if status := h.key.Status(h.now); r.status != "" && status != r.status {
			t.Errorf("the key is %s, want %s", status, r.status)
		}
		repeatIsHarmless(t, h, r.when)
	})
}

// repeatIsHarmless asks the same again, at the same moment: nothing follows, or
// it is refused, but the key stays.
func repeatIsHarmless(t *testing.T, h *history, when string) {
	t.Helper()
	at := h.now
	cmd := h.command(when)
	h.now = at
	switch c := cmd.(type) { // the very same command, not one a second later
	case apikey.Create:
		c.At = at
		cmd = c
	case apikey.Change:
		c.At = at
		cmd = c
	case apikey.Rotate:
		c.At = at
		cmd = c
	case apikey.Cut:
		c.At = at
		cmd = c
	case apikey.FirstUse:
		c.At = at
		cmd = c
	case apikey.Suspend, apikey.Resume, apikey.Revoke:
	}
	if decided, err := apikey.Decide(h.key, cmd); err == nil && len(decided) > 0 {
		t.Errorf("asked again, %q leads to %q", when, written(decided))
	}
}

func TestCreate(t *testing.T) {
	long := strings.Repeat("x", apikey.MaxName+1)
	for _, r := range []row{
		{"with nothing", "", "create", "created key c1", "active"},
		{
			"with everything", "", "create perms=write,read roles=owner,clerk ips=2001:db8::/32,10.0.0.1 grantable=write expires=+2h meta=team:payments",
			"created key perms=read,write roles=clerk,owner grantable=write ips=10.0.0.1,2001:db8::/32 expires=+2h0m0s meta=team:payments c1", "active",
		},
		{"may grant nothing", "", "create perms=read grantable=", "created key perms=read grantable= c1", ""},
		{"repeated names count once", "", "create perms=read,read roles=clerk,clerk ips=10.0.0.1,::ffff:10.0.0.1", "created key perms=read roles=clerk ips=10.0.0.1 c1", ""},
		{"a wildcard", "", "create perms=orders:*", "created key perms=orders:* c1", ""},
		{"bound to a resource", "", "create kind=wallet resource=wal_1", "created wallet resource=wal_1 c1", ""},
		{"in the only environment", "", "create kind=only env=", "created only c1", ""},

		{"again", "create", "create", "refused conflict", "active"},
		{"again after the end", "create; revoke", "create", "refused conflict", "revoked"},
		{"unknown kind", "", "create kind=sak", "refused invalid_request kind", ""},
		{"unknown environment", "", "create env=moon", "refused invalid_request environment", ""},
		{"no environment", "", "create env=", "refused invalid_request environment", ""},
		{"an environment the kind is not made in", "", "create kind=only env=test", "refused invalid_request environment", ""},
		{"no name", "", "create name=", "refused invalid_request name", ""},
		{"a long name", "", "create name=" + long, "refused invalid_request name", ""},
		{"a name that does not print", "", "create name=a\x07b", "refused invalid_request name", ""},
		{"a name that is no text", "", "create name=a\xff", "refused invalid_request name", ""},
		{"unknown permission", "", "create perms=read,fly", "refused invalid_request permissions", ""},
		{"malformed permission", "", "create perms=READ", "refused invalid_request permissions", ""},
		{"a wildcard that covers nothing", "", "create perms=fly:*", "refused invalid_request permissions", ""},
		{"a permission the kind does not have", "", "create kind=wallet resource=w perms=read", "refused invalid_request permissions", ""},
		{"unknown role", "", "create roles=king", "refused invalid_request roles", ""},
		{"a role the kind does not have", "", "create kind=wallet resource=w roles=clerk", "refused invalid_request roles", ""},
		{"unknown grantable permission", "", "create grantable=fly", "refused invalid_request grantable", ""},
		{"malformed address", "", "create ips=10.0.0.1,10.0.0.256", "refused invalid_request ip_allowlist", ""},
		{"a prefix with bits beyond its length", "", "create ips=10.0.0.1/8", "refused invalid_request ip_allowlist", ""},
		{"expired already", "", "create expires=-1h", "refused invalid_request expires_at", ""},
		{"expires now", "", "+1h create expires=+1h", "refused invalid_request expires_at", ""},
		{"expires in the next nanosecond", "", "+1h create expires=+1h0m0.000000001s", "created key expires=+1h0m0.000000001s c1", "active"},
		{"no resource", "", "create kind=wallet", "refused invalid_request resource", ""},
		{"a resource it is not bound to", "", "create resource=wal_1", "refused invalid_request resource", ""},
		{"a long resource", "", "create kind=wallet resource=" + strings.Repeat("x", apikey.MaxResource+1), "refused invalid_request resource", ""},
		{"a resource of two lines", "", "create kind=wallet resource=wal_1\x00X-Admin:yes", "refused invalid_request resource", ""},
		{"a resource that is no text", "", "create kind=wallet resource=wal_\xff", "refused invalid_request resource", ""},
		{"an empty label", "", "create meta=:x", "refused invalid_request metadata", ""},
		{"a long label", "", "create meta=" + strings.Repeat("x", apikey.MaxMetadataKey+1) + ":x", "refused invalid_request metadata", ""},
		{"a long value of a label", "", "create meta=x:" + strings.Repeat("x", apikey.MaxMetadataVal+1), "refused invalid_request metadata", ""},
		{"a label that does not print", "", "create meta=x:\x1b[31m", "refused invalid_request metadata", ""},
		{"too many permissions", "", "create perms=" + repeated("read", access.MaxPermissions+1), "refused invalid_request permissions", ""},
		{"too many roles", "", "create roles=" + repeated("clerk", scheme.MaxRoles+1), "refused invalid_request roles", ""},
		{"too many addresses", "", "create ips=" + repeated("10.0.0.1", access.MaxAllowlist+1), "refused invalid_request ip_allowlist", ""},
		{"too many labels", "", "create meta=" + numbered(apikey.MaxMetadata+1), "refused invalid_request metadata", ""},
		{"the first mistake is named", "", "create name= perms=fly ips=x", "refused invalid_request name", ""},
	} {
		r.check(t)
	}
}

func repeated(word string, n int) string { return strings.TrimSuffix(strings.Repeat(word+",", n), ",") }

func numbered(n int) string {
	pairs := make([]string, n)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("l%d:x", i)
	}
	return strings.Join(pairs, ",")
}

func TestChange(t *testing.T) {
	const full = "create perms=read,write roles=clerk grantable=read ips=10.0.0.1 expires=+2h meta=a:b"
	for _, r := range []row{
		{"nothing", full, "change", "-", ""},
		{"to what it is", full, "change perms=write,read roles=clerk grantable=read ips=::ffff:10.0.0.1 expires=+2h meta=a:b", "-", ""},
		{"permissions", full, "change perms=read", "permissions_changed perms=read roles=clerk grantable=read", ""},
		{"to no permissions", full, "change perms=", "permissions_changed roles=clerk grantable=read", ""},
		{"roles", full, "change roles=", "permissions_changed perms=read,write grantable=read", ""},
		{"what it may grant", full, "change grantable=", "permissions_changed perms=read,write roles=clerk grantable=", ""},
		{"what it may grant, to its own", full, "change grantable=own", "permissions_changed perms=read,write roles=clerk", ""},
		{"what it may grant, from its own to nothing", "create perms=read", "change grantable=", "permissions_changed perms=read grantable=", ""},
		{"what it may grant, from its own to its own", "create perms=read", "change grantable=own", "-", ""},
		{"allowlist", full, "change ips=10.0.0.0/8", "allowlist_changed ips=10.0.0.0/8", ""},
		{"to any address", full, "change ips=", "allowlist_changed", ""},
		{"expiry", full, "change expires=+1h", "expiry_changed expires=+1h0m0s", ""},
		{"to no expiry", full, "change expires=never", "expiry_changed", ""},
		{"name", full, "change name=b", "details_changed name=b meta=a:b", ""},
		{"labels", full, "change meta=", "details_changed name=a key", ""},
		{
			"all at once", full, "change name=b perms=read ips= expires=never meta=c:d",
			"permissions_changed perms=read roles=clerk grantable=read; allowlist_changed; expiry_changed; details_changed name=b meta=c:d", "",
		},
		{"a suspended key", "create; suspend", "change perms=read", "permissions_changed perms=read", "suspended"},
		{"an expired key", "create expires=+1h", "+2h change name=b", "details_changed name=b", "expired"},
		{"an expired key, to live on", "create expires=+1h", "+2h change expires=never", "expiry_changed", "active"},

		{"a key that is not there", "", "change name=b", "refused not_found", ""},
		{"a revoked key", "create; revoke", "change name=b", "refused conflict", "revoked"},
		{"a revoked key to what it is", "create; revoke", "change perms=", "-", "revoked"},
		{"unknown permission", full, "change perms=fly", "refused invalid_request permissions", ""},
		{"unknown role", full, "change roles=king", "refused invalid_request roles", ""},
		{"unknown grantable permission", full, "change grantable=fly", "refused invalid_request grantable", ""},
		{"malformed address", full, "change ips=x", "refused invalid_request ip_allowlist", ""},
		{"past expiry", full, "+1h change expires=+1h", "refused invalid_request expires_at", ""},
		{"no name", full, "change name=", "refused invalid_request name", ""},
		{"bad label", full, "change meta=:x", "refused invalid_request metadata", ""},
		{"nothing at all where one field is wrong", full, "change perms=read name=b ips=x", "refused invalid_request ip_allowlist", ""},
	} {
		r.check(t)
	}
}

func TestSuspendResumeRevoke(t *testing.T) {
	for _, r := range []row{
		{"suspend", "create", "suspend", "suspended", "suspended"},
		{"suspend again", "create; suspend", "suspend", "-", "suspended"},
		{"suspend what is not there", "", "suspend", "refused not_found", ""},
		{"suspend what is revoked", "create; revoke", "suspend", "refused conflict", "revoked"},
		{"resume", "create; suspend", "resume", "resumed", "active"},
		{"resume what is active", "create", "resume", "-", "active"},
		{"resume what is not there", "", "resume", "refused not_found", ""},
		{"resume what is revoked", "create; revoke", "resume", "refused conflict", "revoked"},
		{"resume what was suspended and revoked", "create; suspend; revoke", "resume", "refused conflict", "revoked"},
		{"resume what has expired", "create expires=+1h; suspend", "+2h resume", "resumed", "expired"},
		{"revoke", "create", "revoke", "revoked", "revoked"},
		{"revoke again", "create; revoke", "revoke", "-", "revoked"},
		{"revoke what is suspended", "create; suspend", "revoke", "revoked", "revoked"},
		{"revoke what has expired", "create expires=+1h", "+2h revoke", "revoked", "revoked"},
		{"revoke what is not there", "", "revoke", "refused not_found", ""},
	} {
		r.check(t)
	}
}

func TestRotate(t *testing.T) {
	for _, r := range []row{
		{"at once", "create", "+1h rotate c2", "rotated c1 to c2 ends=+1h0m0s", "active"},
		{"with an overlap", "create", "+1h rotate c2 overlap=24h", "rotated c1 to c2 ends=+25h0m0s", ""},
		{"until its first use", "create", "rotate c2 grace=10m", "rotated c1 to c2 grace=600s", ""},
		{"until its first use, without grace", "create", "rotate c2 grace=0s", "rotated c1 to c2 grace=0s", ""},
		{"again during the overlap", "create; +1h rotate c2 overlap=24h", "+2h rotate c3 overlap=1h", "rotated c2 to c3 ends=+3h0m0s", ""},
		{"with the greatest overlap", "create", "+0s rotate c2 overlap=2160h", "rotated c1 to c2 ends=+2160h0m0s", ""},
		{"a suspended key", "create; suspend", "+1h rotate c2", "rotated c1 to c2 ends=+1h0m0s", "suspended"},
		{"to a credential that it has", "create; rotate c2 overlap=1h", "rotate c2 overlap=1h", "-", ""},
		{"to the credential it began with", "create", "rotate c1 overlap=1h", "-", ""},

		{"a key that is not there", "", "rotate c2", "refused not_found", ""},
		{"a revoked key", "create; revoke", "rotate c2", "refused conflict", ""},
		{"with too long an overlap", "create", "rotate c2 overlap=2160h0m1s", "refused invalid_request overlap", ""},
		{"with a negative overlap", "create", "rotate c2 overlap=-1s", "refused invalid_request overlap", ""},
		{"with too long a grace", "create", "rotate c2 grace=2160h0m1s", "refused invalid_request grace", ""},
		{"with a negative grace", "create", "rotate c2 grace=-1s", "refused invalid_request grace", ""},
		{"while as many overlap as may", "create; " + rotations(2, apikey.MaxCredentials, "overlap=24h"), "rotate c99", "refused conflict", ""},
		{
			"when one of them has ended", "create; " + rotations(2, apikey.MaxCredentials, "overlap=24h"), "+24h3s rotate c99",
			fmt.Sprintf("rotated c%d to c99 ends=+24h0m3s", apikey.MaxCredentials), "",
		},
	} {
		r.check(t)
	}
}

// rotations is a history of rotations to credentials from..to.
func rotations(from, to int, how string) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("rotate c%d %s", i, how))
	}
	return strings.Join(all, "; ")
}

func TestCut(t *testing.T) {
	for _, r := range []row{
		{"an overlapping credential", "create; rotate c2 overlap=24h", "cut c1", "credential_cut c1", "active"},
		{"one that waits for a first use", "create; rotate c2 grace=10m", "cut c1", "credential_cut c1", ""},
		{"again", "create; rotate c2 overlap=24h; cut c1", "cut c1", "-", ""},
		{"one whose overlap has ended", "create; rotate c2 overlap=1h", "+2h cut c1", "-", ""},
		{"one whose overlap ends now", "create; +0s rotate c2 overlap=1h", "+1h cut c1", "-", ""},
		{"one that a rotation has cut", "create; rotate c2", "cut c1", "-", ""},
		{"one of a revoked key", "create; rotate c2 overlap=24h; revoke", "cut c1", "-", "revoked"},
		{"the active one of a revoked key", "create; revoke", "cut c1", "-", "revoked"},

		{"the active one", "create", "cut c1", "refused invalid_request credential", "active"},
		{"the active one after a rotation", "create; rotate c2 overlap=24h", "cut c2", "refused invalid_request credential", ""},
		{"one it does not have", "create", "cut c9", "refused invalid_request credential", ""},
		{"of a key that is not there", "", "cut c1", "refused not_found", ""},
	} {
		r.check(t)
	}
}

func TestFirstUse(t *testing.T) {
	for _, r := range []row{
		{"ends what waited for it, after the grace", "create; rotate c2 grace=10m", "+1h use c2", "overlap_changed c1 ends=+1h10m0s", ""},
		{"without a grace, at once", "create; rotate c2 grace=0s", "+1h use c2", "overlap_changed c1 ends=+1h0m0s", ""},
		{"a second use changes nothing", "create; rotate c2 grace=10m; +1h use c2", "+1h5m use c2", "-", ""},
		{"a use after the end changes nothing", "create; rotate c2 grace=10m; +1h use c2", "+2h use c2", "-", ""},
		{"of the old credential", "create; rotate c2 grace=10m", "use c1", "-", ""},
		{"where nothing waits", "create; rotate c2 overlap=1h", "use c2", "-", ""},
		{"of the only credential", "create", "use c1", "-", ""},
		{"of one it does not have", "create; rotate c2 grace=10m", "use c9", "-", ""},
		{"after the old one was cut", "create; rotate c2 grace=10m; cut c1", "use c2", "-", ""},
		{"of a revoked key", "create; rotate c2 grace=10m; revoke", "use c2", "-", ""},
		{"of a suspended key", "create; rotate c2 grace=10m; suspend", "+1h use c2", "overlap_changed c1 ends=+1h10m0s", ""},
		{"of a key that is not there", "", "use c1", "refused not_found", ""},
		{"each rotation waits for its own", "create; rotate c2 grace=10m; rotate c3 grace=20m", "+1h use c2", "overlap_changed c1 ends=+1h10m0s", ""},
		// What waited for a credential that was itself replaced would live for ever.
		{
			"of a later credential ends all that wait", "create; rotate c2 grace=10m; rotate c3 grace=20m", "+1h use c3",
			"overlap_changed c1 ends=+1h10m0s; overlap_changed c2 ends=+1h20m0s", "",
		},
		{"of a later credential, the one waited for being cut", "create; rotate c2 grace=10m; rotate c3", "+1h use c3", "overlap_changed c1 ends=+1h10m0s", ""},
	} {
		r.check(t)
	}
}

func TestTheStatusOfEveryCredentialAsItIsRead(t *testing.T) {
	for _, c := range []struct{ given, at, want string }{
		{"create", "0s", "c1 active"},
		{"create; +0s rotate c2 overlap=1h", "59m59s", "c1 overlapping c2 active"},
		{"create; +0s rotate c2 overlap=1h", "1h", "c1 cut c2 active"},
		{"create; +0s rotate c2", "0s", "c1 cut c2 active"},
		{"create; rotate c2 grace=10m", "1000h", "c1 overlapping c2 active"},
		{"create; rotate c2 grace=10m; +1h use c2", "1h9m59s", "c1 overlapping c2 active"},
		{"create; rotate c2 grace=10m; +1h use c2", "1h10m", "c1 cut c2 active"},
		{"create; rotate c2 overlap=1h; cut c1", "2s", "c1 cut c2 active"},
		// A later rotation does not move an end that an earlier one has set.
		{"create; +0s rotate c2 overlap=1h; +1s rotate c3 overlap=24h", "30m", "c1 overlapping c2 overlapping c3 active"},
		{"create; +0s rotate c2 overlap=1h; +1s rotate c3 overlap=24h", "1h", "c1 cut c2 overlapping c3 active"},
		{"create; +0s rotate c2 overlap=24h; +1s rotate c3", "1h", "c1 overlapping c2 cut c3 active"},
		{"create; rotate c2 overlap=1h; revoke", "2s", "c1 cut c2 cut"},
	} {
		h := newHistory(t).given(c.given)
		now := noon.Add(h.duration(c.at))
		var got []string
		for _, credential := range h.key.Credentials {
			got = append(got, credential.ID, h.key.CredentialStatus(credential, now))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("after %q at +%s: %s, want %s", c.given, c.at, s, c.want)
		}
	}
}

func TestAnExpiryThatCannotBeWrittenIsRefused(t *testing.T) {
	h := newHistory(t)
	create, ok := h.command("create").(apikey.Create)
	if !ok {
		t.Fatal("not a create")
	}
	// Four digits here, and five in UTC, which JSON has no room for.
	late := time.Date(9999, time.December, 31, 23, 0, 0, 0, time.FixedZone("", -2*3600))
	create.ExpiresAt = &late
	_, err := apikey.Decide(apikey.Key{}, create)
	if err == nil || said(t, err) != "refused invalid_request expires_at" {
		t.Errorf("got %v", err)
	}
	last := time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	create.ExpiresAt = &last
	decided, err := apikey.Decide(apikey.Key{}, create)
	if err != nil {
		t.Fatal(err)
	}
	h.fold(decided)
}

func TestACommandWithoutAKindNeedsADefault(t *testing.T) {
	doc := document()
	kind := doc.Kinds["key"]
	kind.Default = false
	doc.Kinds["key"] = kind
	s, err := scheme.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	h := newHistory(t)
	h.scheme = s
	if got := h.when("create"); got != "refused invalid_request kind" {
		t.Error(got)
	}
}

func TestAKeyWhoseKindIsGoneCanOnlyBeEnded(t *testing.T) {
	h := newHistory(t).given("create; rotate c2 overlap=1h")
	doc := document()
	delete(doc.Kinds, "key")
	s, err := scheme.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	h.scheme = s
	if got := h.when("change name=b"); got != "refused conflict" {
		t.Error(got)
	}
	if got := h.when("cut c1"); got != "credential_cut c1" {
		t.Error(got)
	}
	if got := h.when("revoke"); got != "revoked" {
		t.Error(got)
	}
}

func TestARefusalDoesNotRepeatALongRequest(t *testing.T) {
	h := newHistory(t)
	for _, line := range []string{"create perms=", "create kind=", "create roles=", "create env=", "create ips=", "create name=", "create meta=x:", "create kind=wallet resource="} {
		_, err := apikey.Decide(h.key, h.command(line+strings.Repeat("ü", 5000)))
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%s...: %d bytes", line, len(fmt.Sprint(err)))
		}
	}
}

func TestWhatIsNotUnderstoodIsDeniedAndCanStillBeTakenAway(t *testing.T) {
	for _, r := range []struct{ when, then string }{
		{"change name=b", "refused conflict"},
		{"rotate c3", "refused conflict"},
		{"resume", "refused conflict"},
		{"use c2", "-"},
		{"cut c1", "credential_cut c1"},
		{"revoke", "revoked"},
	} {
		h := newHistory(t).given("create; rotate c2 overlap=1h; suspend")
		h.fold([]events.Event{events.Unknown{Name: "keyledger.key.enchanted.v1", Raw: []byte(`{"with":"magic"}`)}})
		if h.key.Status(h.now) != apikey.StatusSuspended || !h.key.Opaque {
			t.Fatalf("after an unknown event the key is %s", h.key.Status(h.now))
		}
		if got := h.when(r.when); got != r.then {
			t.Errorf("%s: %s, want %s", r.when, got, r.then)
		}
	}
	h := newHistory(t).given("create")
	h.fold([]events.Event{events.Unknown{Name: "keyledger.key.enchanted.v1", Raw: []byte(`{}`)}})
	if h.key.Status(h.now) != apikey.StatusSuspended {
		t.Errorf("after an unknown event an active key is %s", h.key.Status(h.now))
	}
	if got := h.when("suspend"); got != "suspended" {
		t.Errorf("suspend: %s", got) // taking away is always possible
	}
}
