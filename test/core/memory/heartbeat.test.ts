// The heartbeat: a word that changes with each beat.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateHeartbeat, Heartbeat } from "../../../core/memory/heartbeat.js";

test("heartbeat, changes for who looks with each beat, also where its 32 bits wrap", () => {
  const buffer = allocateHeartbeat();
  const [writer, reader] = [new Heartbeat(buffer), new Heartbeat(buffer)];
  assert.is(reader.beats, 0);
  writer.beat();
  assert.is(reader.beats, 1);
  new Int32Array(buffer)[0] = 0x7fff_ffff;
  writer.beat();
  assert.is(reader.beats, -0x8000_0000);
});

test.run();
