package wiretest

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// The golden files, each a list of cases captured against the published Node packages.
const (
	HTTPFile     = "http.json"
	WSFile       = "ws.json"
	SessionsFile = "socketio-sessions.json"
)

//go:embed testdata/*.json
var goldenFS embed.FS

// goldenFile is the common envelope of the golden files.
type goldenFile struct {
	Cases []goldenCase `json:"cases"`
}

// goldenCase is one captured conversation. Steps belongs to http.json and ws.json, Log to socketio-sessions.json.
type goldenCase struct {
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Options      Options           `json:"server_options"`
	Vars         map[string]string `json:"vars"`
	Steps        []goldenStep      `json:"steps"`
	Log          []logEntry        `json:"log"`
	ServerEvents []json.RawMessage `json:"server_events"`
}

// Options are the server options of a case as the capture wrote them down. JavaScript functions and regular
// expressions appear as strings that describe them. A nil pointer or an empty message means Node's default.
type Options struct {
	PingInterval     *int            `json:"pingInterval,omitempty"`      // milliseconds
	PingTimeout      *int            `json:"pingTimeout,omitempty"`       // milliseconds
	ConnectTimeout   *int            `json:"connectTimeout,omitempty"`    // milliseconds
	UpgradeTimeout   *int            `json:"upgradeTimeout,omitempty"`    // milliseconds
	MaxHTTPBuffer    *int            `json:"maxHttpBufferSize,omitempty"` // bytes
	Transports       []string        `json:"transports,omitempty"`
	AllowUpgrades    *bool           `json:"allowUpgrades,omitempty"`
	AddTrailingSlash *bool           `json:"addTrailingSlash,omitempty"`
	AllowRequest     string          `json:"allowRequest,omitempty"`
	HTTPCompression  *bool           `json:"httpCompression,omitempty"`
	PerMessage       *bool           `json:"perMessageDeflate,omitempty"`
	AllowEIO3        *bool           `json:"allowEIO3,omitempty"`
	ServeClient      *bool           `json:"serveClient,omitempty"`
	CleanupEmpty     *bool           `json:"cleanupEmptyChildNamespaces,omitempty"`
	Cookie           json.RawMessage `json:"cookie,omitempty"`
	CORS             json.RawMessage `json:"cors,omitempty"`
	Recovery         json.RawMessage `json:"connectionStateRecovery,omitempty"`
}

// goldenStep is one step of http.json or ws.json; which fields are set decides what it is.
type goldenStep struct {
	Request    *goldenRequest  `json:"request"`
	HTTP       *goldenRequest  `json:"http"`
	Response   *goldenResponse `json:"response"`
	Concurrent bool            `json:"concurrent"`
	Note       string          `json:"note"`

	WSOpen          string            `json:"ws_open"`
	Headers         map[string]string `json:"headers"`
	Status          int               `json:"status"`
	ResponseHeaders map[string]string `json:"response_headers"`
	Body            *string           `json:"body"`
	Error           string            `json:"error"`

	Send   string `json:"send"`
	Recv   string `json:"recv"`
	Data   string `json:"data"`
	Hex    string `json:"hex"`
	Closed int    `json:"closed"`
	Tag    string `json:"tag"`
}

type goldenRequest struct {
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	BodyHex  string            `json:"body_hex"`
	BodyNote string            `json:"body_note"`
}

type goldenResponse struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	BodyHex string            `json:"body_hex"`
	BodyLen int               `json:"body_len"`
	BodySHA string            `json:"body_sha256"`
	Ended   string            `json:"ended"`
}

// logEntry is one line of a session log of socketio-sessions.json.
type logEntry struct {
	HTTP        string          `json:"http"`
	URL         string          `json:"url"`
	Conn        string          `json:"conn"`
	Dir         string          `json:"dir"`
	Text        *string         `json:"text"`
	BinaryHex   *string         `json:"binary_hex"`
	Opened      string          `json:"opened"`
	SID         string          `json:"sid"`
	Upgraded    string          `json:"upgraded"`
	EngineClose string          `json:"engine_close"`
	Client      json.RawMessage `json:"client"`
	Server      json.RawMessage `json:"server"`
	Note        string          `json:"note"`
}

// Load reads one golden file and turns every case into a script that can be replayed.
func Load(name string) ([]*Script, error) {
	data, err := goldenFS.ReadFile("testdata/" + name)
	if err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	var f goldenFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("wiretest: %s: %w", name, err)
	}
	scripts := make([]*Script, 0, len(f.Cases))
	for i := range f.Cases {
		s, err := compile(name, &f.Cases[i])
		if err != nil {
			return nil, fmt.Errorf("wiretest: %s: %s: %w", name, f.Cases[i].Name, err)
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// payload gives the bytes of a request body. A body that was too long to be stored is described by a note.
func (r *goldenRequest) payload() ([]byte, error) {
	switch {
	case r.BodyHex != "":
		return hex.DecodeString(r.BodyHex)
	case r.BodyNote != "":
		var size int
		var first string
		if _, err := fmt.Sscanf(r.BodyNote, "%d bytes, first char %q", &size, &first); err != nil || len(first) != 1 || size < 1 {
			return nil, fmt.Errorf("body note %q not understood: %w", r.BodyNote, err)
		}
		return []byte(first + strings.Repeat("x", size-1)), nil
	default:
		return []byte(r.Body), nil
	}
}

// payload gives the bytes of a response body; hexadecimal wins, since it is there whenever the text is not plain ASCII.
func (r *goldenResponse) payload() ([]byte, error) {
	if r.BodyHex != "" {
		return hex.DecodeString(r.BodyHex)
	}
	return []byte(r.Body), nil
}
