// The secrets of a farm in a test, as its workers see them.

import { allocateSigningSecrets, SigningSecrets } from "../../core/memory/signing-secrets.js";
import { signingKeyOf } from "../../core/secret.js";

/** The first signs, all verify. */
export function signingSecrets(...secrets: readonly Uint8Array[]): SigningSecrets {
  const published = new SigningSecrets(allocateSigningSecrets());
  published.publish(secrets.map(signingKeyOf));
  return published;
}
