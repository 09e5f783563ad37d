// Starts of the storage that must fail.

import * as assert from "uvu/assert";
import { StorageStartError } from "../../../core/supervision/storage-thread.js";

/** What the promise rejects with: a `StorageStartError`, or the test fails. */
export async function failureOf(promise: Promise<unknown>): Promise<StorageStartError> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, StorageStartError);
    return error as StorageStartError;
  }
  throw new Error("it did not reject");
}
