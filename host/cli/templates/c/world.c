// The bindings ask for this function, so that an object file with the description of the world is linked in. Here
// `wasm-tools component embed` adds that from `wit`, and nothing has to be linked.
void __component_type_object_force_link_plugin(void) {}
