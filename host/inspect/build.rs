//! Names the platforms whose stacks can be read, so that the condition stands once.

fn main() {
    cfg_aliases::cfg_aliases! {
        stacks: {
            all(
                target_os = "linux",
                target_endian = "little",
                any(target_arch = "x86_64", target_arch = "aarch64")
            )
        },
    }
}
