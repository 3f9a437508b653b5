"""Tests that need no host: `python3 -m unittest`."""

import unittest

from hot import Hot, hot, own


class HotTest(unittest.TestCase):
    def test_functions_are_counted_across_different_stacks(self):
        traces = [
            (3, ["lock", "put", "main"], "lock"),
            (2, ["lock", "get", "main"], "lock"),
            (1, ["sleep", "gc", "main"], "sleep"),
        ]
        found, rest = hot(traces, 2)
        self.assertEqual(found, [Hot("lock", 5, 5), Hot("put", 3, 0)])
        # get, sleep and gc; main is where everybody stands.
        self.assertEqual(rest, 3)

    def test_recursion_counts_once(self):
        found, _ = hot([(4, ["walk", "walk", "walk", "main"], "walk")], 10)
        self.assertEqual(found, [Hot("walk", 4, 4)])

    def test_nothing_gives_nothing(self):
        self.assertEqual(hot([], 10), ([], 0))


class OwnTest(unittest.TestCase):
    def test_machinery_is_left_out(self):
        functions = ["__libc_read", "<std::fs::File as std::io::Read>::read", "<api::Get as core::Fn>::call", "main"]
        self.assertEqual(own(functions), ["<api::Get as core::Fn>::call", "main"])


if __name__ == "__main__":
    unittest.main()
