# Makes the component my_plugin.wasm of my_plugin.c.
set -e
mkdir -p build
# The stack is memory of each call: Zig would make it 16 MiB.
.venv/bin/python -m ziglang cc --target=wasm32-wasi -mexec-model=reactor -Os -s \
    -Wl,-z,stack-size=262144 -Wall -Ibindings my_plugin.c world.c bindings/plugin.c -o build/module.wasm
.venv/bin/wasm-tools component embed wit --world plugin build/module.wasm --output build/embedded.wasm
.venv/bin/wasm-tools component new build/embedded.wasm --output my_plugin.wasm
