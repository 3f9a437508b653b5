# Makes the component my_plugin.wasm of my_plugin.ts.
set -e
mkdir -p build
npx asc my_plugin.ts --optimize --runtime stub --use abort=gmr/abort --textFile build/module.wat
# AssemblyScript cannot spell the names of the interface's exports.
for name in describe render; do
    sed -i.bak "s,(export \"$name\",(export \"gmr:plugin/section@0.1.0#$name\"," build/module.wat
done
.venv/bin/wasm-tools component embed wit --world plugin build/module.wat --output build/embedded.wasm
.venv/bin/wasm-tools component new build/embedded.wasm --output my_plugin.wasm
