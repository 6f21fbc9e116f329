// Package browser drives a headless Chromium for tests of pages: it loads addresses, asks the page questions in JavaScript, takes
// pictures, and collects what the page complained of.
//
// It speaks the DevTools protocol over the pipe of --remote-debugging-pipe (https://chromedevtools.github.io/devtools-protocol/): JSON
// messages that end with a zero byte, written to the browser's file 3 and read from its file 4. So there is no port, and nothing to
// install but Debian's package chromium.
package browser
