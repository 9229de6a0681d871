package adminui_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adminui"
)

// The hash of the password comes from the environment; without one there is no Admin UI.
func Example() {
	srv, err := realtime.New(realtime.Config{
		Origins: []string{"https://game.example.com", "https://admin.socket.io"}, Credentials: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	ui, err := adminui.Mount(srv, adminui.Options{Username: "admin", PasswordHash: os.Getenv("ADMIN_HASH")}) // bcrypt's
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ui.Close()
	// Output: adminui: Options.Username and PasswordHash must be set
}
