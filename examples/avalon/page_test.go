package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEveryFileOfThePageIsServed(t *testing.T) {
	w := begin(t)
	types := map[string]string{
		".html": "text/html; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".mjs":  "text/javascript; charset=utf-8",
		".svg":  "image/svg+xml",
	}
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		w.app.ServeHTTP(r, httptest.NewRequest(http.MethodGet, path, nil))
		return r
	}
	served := func(path, contentType string) {
		r := get(path)
		if r.Code != http.StatusOK || r.Header().Get("Content-Type") != contentType {
			t.Errorf("%s: status %d, type %q; want 200 and %q", path, r.Code, r.Header().Get("Content-Type"), contentType)
		}
	}
	served("/", types[".html"])
	served("/realtime.mjs", types[".mjs"])
	if policy := get("/").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") {
		t.Errorf("policy %q", policy)
	}
	err := fs.WalkDir(files, "page", func(name string, d fs.DirEntry, err error) error {
		path := strings.TrimPrefix(name, "page")
		if err == nil && !d.IsDir() && path != "/index.html" {
			served(path, types[path[strings.LastIndex(path, "."):]])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := get("/login"); r.Code != http.StatusNotFound {
		t.Errorf("GET /login: status %d", r.Code)
	}
}
