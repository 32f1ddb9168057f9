// The two packages that stand in for modules of Node, as far as the console itself uses them.
declare module 'buffer' {
  export const Buffer: {
    from(text: string): Uint8Array<ArrayBuffer>
    from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array
  }
}

declare module 'events' {
  export class EventEmitter {
    on(event: string, listener: (...args: never[]) => void): this
    once(event: string, listener: (...args: never[]) => void): this
    removeListener(event: string, listener: (...args: never[]) => void): this
    emit(event: string, ...args: unknown[]): boolean
  }
}
