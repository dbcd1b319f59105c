package scheme

import "github.com/keyledger/keyledger/domain/access"

func (c *checker) members() {
	if len(c.doc.Members) > MaxMembers {
		c.add("members", "%d permissions of members, at most %d", len(c.doc.Members), MaxMembers)
	}
	for name, m := range c.doc.Members {
		path := "members." + name
		if !isName(name) {
			c.add(path, "malformed name")
		}
		c.known(path+".permissions", m.Permissions)
		c.known(path+".grantable", m.Grantable)
		for _, right := range m.Rights {
			c.right(path+".rights", right)
		}
	}
}

// Members is what each permission of a person brings. A scheme whose document
// does not say has four: read sees everything, write manages keys and webhooks
// and may give keys the whole catalogue, team manages the people, billing has no
// meaning to the ledger itself.
func (s *Scheme) Members() map[string]Member {
	if s.doc.Members != nil {
		return s.doc.Members
	}
	return map[string]Member{
		"read":    {Rights: []string{string(access.RightAudit)}},
		"write":   {Rights: []string{string(access.RightKeys), string(access.RightWebhooks)}, Grantable: sortedNames(s.doc.Permissions)},
		"team":    {Rights: []string{string(access.RightMembers)}},
		"billing": {},
	}
}
