// The connections of the server, by what they wait for, and who has to give way when there are too many. What always holds:
// each is in exactly one list, and each list is in the order of the last progress, so that the first is the one that has held its
// place longest for nothing; what clients can hold without a complete request (connections, and memory for bodies) is bounded,
// whatever they do. Nothing here costs more than a few assignments, since an attacker decides how often it is done; but while bodies
// hold too much memory, who has some is searched for among those that owe one (`maxBodiesAwaited`).

import { CLOSING, type Exchange, HEAD, IDLE } from "./exchange.js";
import type { HttpOptions } from "./options.js";

/** A list through the exchanges themselves. */
export class ExchangeList {
  first: Exchange | null = null;
  last: Exchange | null = null;
  count = 0;

  append(exchange: Exchange): void {
    exchange.list = this;
    exchange.previous = this.last;
    exchange.next = null;
    if (this.last === null) this.first = exchange;
    else this.last.next = exchange;
    this.last = exchange;
    this.count++;
  }

  remove(exchange: Exchange): void {
    const { previous, next } = exchange;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.last = previous;
    else next.previous = previous;
    exchange.list = null;
    exchange.previous = null;
    exchange.next = null;
    this.count--;
  }
}

type Limits = Pick<
  HttpOptions,
  "maxConnections" | "maxHeadsAwaited" | "maxBodiesAwaited" | "maxGatheredBytes" | "maxLingering"
>;

export class Connections {
  readonly #limits: Limits;
  /** Between two requests. */
  readonly #idle = new ExchangeList();
  /** The client owes us a head: its first, or the rest of one. */
  readonly #heads = new ExchangeList();
  /** The client owes us a body. */
  readonly #bodies = new ExchangeList();
  /** We owe the client an answer. */
  readonly #answering = new ExchangeList();
  /** We have closed, the client has not. */
  readonly #lingering = new ExchangeList();
  readonly #all = [this.#idle, this.#heads, this.#bodies, this.#answering, this.#lingering] as const;
  #heldBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#open + this.#lingering.count;
  }

  /** But for those that we have closed. */
  get #open(): number {
    return this.#idle.count + this.#heads.count + this.#bodies.count + this.#answering.count;
  }

  /** Memory that gathered bodies take, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Puts it where it belongs by its phase: at the end if it is new there, or idle, that is, has just been served. */
  place(exchange: Exchange): void {
    if (exchange.isGone) return;
    const list = this.#listOf(exchange);
    if (list === exchange.list && (list !== this.#idle || list.last === exchange)) return;
    exchange.list?.remove(exchange);
    list.append(exchange);
  }

  /** It has made progress where it is. */
  renew(exchange: Exchange): void {
    const { list } = exchange;
    if (list === null || list.last === exchange) return;
    list.remove(exchange);
    list.append(exchange);
  }

  remove(exchange: Exchange): void {
    exchange.list?.remove(exchange);
    this.hold(exchange, 0);
  }

  /** Notes the memory that its request's body takes now. */
  hold(exchange: Exchange, bytes: number): void {
    this.#heldBytes += bytes - exchange.heldBytes;
    exchange.heldBytes = bytes;
  }

  /** The one that has to give way next, or null where all is within bounds. */
  surplus(): Exchange | null {
    const { maxConnections, maxHeadsAwaited, maxBodiesAwaited, maxGatheredBytes, maxLingering } =
      this.#limits;
    if (this.#lingering.count > maxLingering) return this.#lingering.first;
    if (this.#heads.count > maxHeadsAwaited) return this.#heads.first;
    if (this.#bodies.count > maxBodiesAwaited) return this.#bodies.first;
    const holder = this.#heldBytes > maxGatheredBytes ? this.#firstHolder() : null;
    if (holder !== null || this.#open <= maxConnections) return holder;
    return this.#idle.first ?? this.#heads.first ?? this.#bodies.first;
  }

  /** Visits each. A visit may place, renew or remove the one that is visited, and what is lingering. */
  forEach(visit: (exchange: Exchange) => void): void {
    for (const list of this.#all) {
      const { last } = list;
      let exchange = list.first;
      while (exchange !== null) {
        const next: Exchange | null = exchange === last ? null : exchange.next;
        visit(exchange);
        exchange = next;
      }
    }
  }

  #listOf(exchange: Exchange): ExchangeList {
    const { phase } = exchange;
    if (phase === IDLE) return exchange.answers === 0 ? this.#heads : this.#idle;
    if (phase === HEAD) return this.#heads;
    if (phase === CLOSING) return this.#lingering;
    return exchange.body === null ? this.#answering : this.#bodies;
  }

  /** Null where all the memory is that of requests which are being answered: those end by themselves. */
  #firstHolder(): Exchange | null {
    let exchange = this.#bodies.first;
    while (exchange !== null && exchange.heldBytes === 0) exchange = exchange.next;
    return exchange;
  }
}
