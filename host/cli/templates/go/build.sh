# Makes the component my_plugin.wasm of the Go files.
set -e
mkdir -p build
GOOS=wasip1 GOARCH=wasm .venv/bin/go build -trimpath -buildmode=c-shared -ldflags=-s -o build/module.wasm .
.venv/bin/wasm-tools component embed wit --world plugin build/module.wasm --output build/embedded.wasm
# What Go asks of its system is WASI 0.1, which the adapter turns into 0.2. It grows the memory for its own needs: it is
# called before Go can allocate.
.venv/bin/wasm-tools component new build/embedded.wasm --realloc-via-memory-grow \
    --adapt package/lib/wasi_snapshot_preview1.reactor.wasm --output my_plugin.wasm
