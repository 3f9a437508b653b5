# Makes the component my_plugin.wasm of my_plugin.ts.
set -e
mkdir -p build
npx asc my_plugin.ts --optimize --runtime stub --use abort=gmr/abort --textFile build/module.wat
# AssemblyScript cannot spell the names of the interface's exports.
sed -i.bak 's|(export "\(describe\|render\)"|(export "gmr:plugin/section@0.1.0#\1"|' build/module.wat
.venv/bin/wasm-tools component embed wit --world plugin build/module.wat --output build/embedded.wasm
.venv/bin/wasm-tools component new build/embedded.wasm --output my_plugin.wasm
