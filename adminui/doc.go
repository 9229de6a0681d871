// Package adminui is the server's side of the Socket.IO Admin UI, the page of the npm package @socket.io/admin-ui (0.5),
// which shows servers, namespaces, rooms, sockets and events, and may act on them.
//
//	ui, err := adminui.Mount(srv, adminui.Options{Username: "admin", PasswordHash: hash})
//
// The page connects to the namespace /admin as any client does, so its origin must be among Config.Origins, with
// Config.Credentials; the hosted page is https://admin.socket.io. Nobody gets in without the password. Each node of a cluster
// mounts it; an operator who is connected to one of them sees all.
//
// It differs from the reference where that shows too much, or works without bound:
//
//   - Of a handshake it shows the user agent, the host, the origin and the protocol, never cookies, tokens or other parameters of
//     the query (requirements R55 and R56); of the event "auth:refresh" it shows no arguments. What other events carry is shown in
//     Development mode, so mind who has the password.
//   - A client is known by a name that is derived from its session id, because the id is a secret. Of clients on other nodes, each
//     connection counts as a client until it changes.
//   - Contents are told only while somebody watches, and no more than Options.EventRate of them and 256 KiB a second; what was left
//     out is in the log. One event to many connections is shown for the first [realtime.TapTargets] of them on each node; of one that is
//     larger than 16 KiB the arguments are left out, and attachments of what was sent are placeholders.
//   - Passwords are compared one at a time; two logins of one address may wait for that, and 64 addresses.
//   - Commands act on namespaces that are there; they make none.
package adminui
