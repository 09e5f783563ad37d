// What is wrong with a file, in words.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { fileProblem } from "../../../core/cli/file-problem.js";

test("problem, is told in words, or as the system tells it", () => {
  const told = (code: string) => fileProblem(Object.assign(new Error(), { code }));
  assert.is(told("ENOENT"), "there is no such file");
  assert.is(told("EACCES"), "the permission is missing");
  assert.is(told("EISDIR"), "it is a directory");
  assert.is(told("EIO"), "EIO");
  assert.is(fileProblem(new Error("no code")), "Error: no code");
});

test.run();
