// Shoppers in a thread of their own, so that the farm that they visit may be in the same process and not be slowed down by them. Started
// by URL; thread-messages.ts has what is said.

import { parentPort, workerData } from "node:worker_threads";
import { Shoppers } from "./shoppers.js";
import type { FromShoppers, ShoppersThreadOptions, ToShoppers } from "./thread-messages.js";

const port = parentPort!;
const shoppers = new Shoppers(workerData as ShoppersThreadOptions);
const tell = (message: FromShoppers) => port.postMessage(message);

port.on("message", (message: ToShoppers) => {
  if (message.type !== "stop") return;
  void shoppers.stop().then((report) => {
    tell({ type: "stopped", report });
    port.close();
  });
});

try {
  const { description } = await shoppers.start();
  tell({ type: "started", sources: description });
} catch (error) {
  tell({ type: "refused", message: error instanceof Error ? error.message : String(error) });
  port.close();
}
