package config

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// Options makes a kong parser read Config's names from the environment and from a TOML file.
func Options() []kong.Option {
	return []kong.Option{
		kong.FlagNamer(FlagName),
		kong.DefaultEnvars("VIGIE"),
		kong.Configuration(resolve, "/etc/vigie/vigie.toml"),
	}
}

// File is the flag that names another configuration file.
type File string

// BeforeResolve loads the named file; one that is missing is an error, since somebody asked for it.
func (f File) BeforeResolve(k *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(File))
	r, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	defer r.Close()
	resolver, err := resolve(r)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	ctx.AddResolver(resolver)
	return nil
}

// resolve reads a flat TOML file whose keys are the flags' names. A key that no flag has is an error:
// a misspelt safety setting must not be silently ignored.
func resolve(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if _, err := toml.NewDecoder(r).Decode(&values); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, s := range (Config{}).Settings() {
		known[s.Name] = true
	}
	for key := range values {
		if !known[key] {
			return nil, fmt.Errorf("there is no setting %q", key)
		}
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil // kong lets a file win over the environment; we do not
			}
		}
		switch v := values[flag.Name].(type) {
		case nil:
			return nil, nil
		case []any:
			var parts []string
			for _, p := range v {
				parts = append(parts, fmt.Sprint(p))
			}
			return strings.Join(parts, ","), nil
		default:
			return fmt.Sprint(v), nil
		}
	}), nil
}
