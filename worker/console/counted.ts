// A tunnel's streams with a meter on both.
import type { Meter } from './meter.js'
import type { Bytes } from './sql/stream.js'

export function counted({ readable, writable }: Bytes, meter: Meter): Bytes {
  const reader = readable.getReader()
  const writer = writable.getWriter()
  return {
    readable: new ReadableStream(
      {
        async pull(controller) {
          const { value, done } = await reader.read()
          if (done) return controller.close()
          meter.received(value.length)
          controller.enqueue(value)
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    ),
    writable: new WritableStream({
      async write(chunk) {
        // Its length is gone once the tunnel owns it.
        meter.sent(chunk.length)
        await writer.write(chunk)
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    }),
  }
}
