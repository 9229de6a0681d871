// The server, without a path. On a phone it is https, a domain of the list in the platform's console, and with a port only if the list
// has the port; the websocket goes to the same host as wss.
export const SERVER = "https://game.example.com";
