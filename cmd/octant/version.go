package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(_ context.Context, args []string) error {
	if err := parse(newFlags("version"), args); err != nil {
		return err
	}
	fmt.Println(versionText(debug.ReadBuildInfo()))
	return nil
}

// version is the module's version.
func version() string {
	if build, known := debug.ReadBuildInfo(); known {
		return build.Main.Version
	}
	return "unknown"
}

// versionText names the build: the module's version, and the commit that it was built from.
func versionText(build *debug.BuildInfo, known bool) string {
	version, commit, modified := "unknown", "", ""
	if known {
		version = build.Main.Version
		for _, s := range build.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = " " + s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = " modified"
			}
		}
	}
	return fmt.Sprintf("octant %s%s%s (%s, %s/%s)", version, commit, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
