package engine

type originPolicy struct{}

func newOriginPolicy(origins []string, credentials bool) (*originPolicy, error) {
	return &originPolicy{}, nil
}
