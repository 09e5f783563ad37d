// What every server in the `http` benchmark answers with: the same bytes of the same type.

export const HELLO = "Hello, world!\n";
export const HELLO_TYPE = "text/plain; charset=utf-8";
