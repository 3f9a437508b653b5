"""Tests that need no host: `python3 -m unittest`."""

import unittest
from types import SimpleNamespace

from hot import Hot, hot, own, rows_wanted


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


class RowsTest(unittest.TestCase):
    def test_both_sides_of_the_limits(self):
        self.assertEqual(rows_wanted(None), 20)
        for right in [1, 1000]:
            self.assertEqual(rows_wanted(SimpleNamespace(value=right)), right)
        for wrong in [0, 1001, 2.5, "20", True]:
            with self.assertRaisesRegex(ValueError, "from 1 to 1000"):
                rows_wanted(SimpleNamespace(value=wrong))
        with self.assertRaises(ValueError):
            rows_wanted(SimpleNamespace())


if __name__ == "__main__":
    unittest.main()
