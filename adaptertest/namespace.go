package adaptertest

import (
	"strings"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// namespaceRules are about messages of several namespaces.
var namespaceRules = []rule{
	{name: "NamespacesAreApart", nodes: 1, run: namespacesApart},
	{name: "NamespaceOpenedLate", nodes: 1, run: namespaceLate},
	{name: "NamespaceClosedAndOpenedAgain", nodes: 1, run: namespaceAgain},
}

// enter connects a client of a namespace on each server, and waits until each adapter has opened it.
func (c *cluster) enter(servers []*server, namespace string) (clients []*realtimetest.Client) {
	c.Helper()
	for _, s := range servers {
		clients = append(clients, s.host.Connect(realtimetest.Options{
			Namespace: namespace, Auth: map[string]string{"user": "ann"}, Timeout: c.factory.Watchdog,
		}))
		c.await("the adapter is told of "+namespace, func() bool { return s.spy.opened[namespace] })
	}
	return clients
}

// crosses fails the test unless what each server emits in a namespace reaches its clients everywhere.
func (c *cluster) crosses(namespaces []realtime.Namespace, clients []*realtimetest.Client, event string) {
	c.Helper()
	for _, ns := range namespaces {
		id := c.unique("event")
		if err := ns.Emit(c.Context(), event, id); err != nil {
			c.Fatal(err)
		}
		for i, k := range clients {
			if got := realtimetest.Expect[string](k, event); got != id {
				c.Errorf("client %d of %s got %q, want %q", i+1, ns.Name(), got, id)
			}
		}
	}
}

// of returns the namespace of each server.
func of(servers []*server, name string) (list []realtime.Namespace) {
	for _, s := range servers {
		list = append(list, s.Of(name))
	}
	return list
}

func namespacesApart(c *cluster) {
	names := []string{"/", "/a", "/ab", "/a/b"}
	servers := c.servers(func(s *server) {
		for _, name := range names {
			s.Of(name)
		}
	})
	clients := map[string][]*realtimetest.Client{}
	for _, name := range names {
		clients[name] = c.enter(servers, name)
	}
	for _, name := range names {
		c.crosses(of(servers, name), clients[name], "event of "+name)
	}
	for _, name := range names { // behind what may have strayed
		c.crosses(of(servers, name), clients[name], "last of "+name)
		for _, k := range clients[name] {
			if pending := k.Pending(); len(pending) > 0 {
				c.Errorf("a client of %s got %s", name, strings.Join(pending, ", "))
			}
		}
	}
}

func namespaceLate(c *cluster) {
	servers := c.servers(nil)
	late := of(servers, "/late")
	clients := c.enter(servers, "/late")
	c.crosses(late, clients, "n")
}

// namespaceAgain uses dynamic namespaces, which close when the last client of a node leaves.
func namespaceAgain(c *cluster) {
	servers := c.servers(func(s *server) {
		s.OfFunc(func(name string) bool { return strings.HasPrefix(name, "/table-") })
	})
	for range 3 {
		clients := c.enter(servers, "/table-1")
		for i, k := range clients {
			k.Close()
			c.await("the adapter is told that a namespace is empty", func() bool { return !servers[i].spy.opened["/table-1"] })
		}
	}
	clients := c.enter(servers, "/table-1")
	c.crosses(of(servers, "/table-1"), clients, "n")
}
