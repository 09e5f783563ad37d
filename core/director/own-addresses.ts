// The addresses that the farm answers at. Read on the packet path: plain comparisons of words, no allocation.

/** A handful of IPv4 and IPv6 addresses; none at all means every address, as a replayed capture needs it. */
export class OwnAddresses {
  readonly #ipv4: Int32Array;
  readonly #ipv6: Int32Array;
  readonly #any: boolean;

  /** `addresses` of 4 or 16 bytes each. */
  constructor(addresses: readonly Uint8Array[]) {
    this.#ipv4 = concatenate(addresses.filter((address) => address.length === 4));
    this.#ipv6 = concatenate(addresses.filter((address) => address.length === 16));
    this.#any = addresses.length === 0;
  }

  /** Whether the address in the key words `keys[at …]` (as the machine loads them) is one of ours. */
  has(keys: Int32Array, at: number, ipVersion: number): boolean {
    if (this.#any) return true;
    if (ipVersion === 4) {
      const word = keys[at]!;
      for (let i = 0; i < this.#ipv4.length; i++) if (this.#ipv4[i] === word) return true;
      return false;
    }
    const own = this.#ipv6;
    for (let i = 0; i < own.length; i += 4) {
      if (
        own[i] === keys[at] &&
        own[i + 1] === keys[at + 1] &&
        own[i + 2] === keys[at + 2] &&
        own[i + 3] === keys[at + 3]
      ) {
        return true;
      }
    }
    return false;
  }
}

/** The bytes of all addresses, as words of the machine's byte order. */
function concatenate(addresses: readonly Uint8Array[]): Int32Array {
  return new Int32Array(Uint8Array.from(addresses.flatMap((address) => [...address])).buffer);
}
