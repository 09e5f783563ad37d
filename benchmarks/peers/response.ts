// What every server in the `http` benchmark answers with: the same bytes of the same type.

export const HELLO = "Hello, world!\n";
export const HELLO_TYPE = "text/plain; charset=utf-8";

/** limpet's answer to a request whose session is in the worker's cache. */
export const SESSION_READ = "cache 1\n";
