// Standard input and output as one wire. Ending the way out closes descriptor 1 where it is a pipe or a socket, so that the
// program behind it sees the end while we still read: that is the half-close of a ProxyCommand.
import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { failure, type TunnelError } from '../../errors-node.js'
import type { Wire, WireEvents } from '../../stream/index.js'

export function standardStreams(stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream): Wire {
  const output = closable(stdout)
  let events: WireEvents | undefined
  let failed: TunnelError | undefined
  const fail = (cause: Error) => {
    const code = (cause as NodeJS.ErrnoException).code ?? cause.message
    failed ??= failure('ERR_STREAM_RESET', `standard streams: ${code}`, { cause })
    const told = events
    events = undefined
    told?.fail(failed)
  }
  output.on('error', fail)
  stdin.on('error', fail)
  const done = (act: (callback: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => act((error) => (error ? reject(failed ?? error) : resolve())))
  return {
    start(listener) {
      events = listener
      if (failed !== undefined) return fail(failed)
      stdin.on('data', (chunk: Buffer) => {
        const busy = events?.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
        if (busy === undefined) return
        stdin.pause()
        busy.then(
          () => stdin.resume(),
          () => {},
        )
      })
      stdin.on('end', () => events?.end())
    },
    async write(chunks) {
      for (const chunk of chunks) await done((callback) => output.write(chunk, callback))
    },
    async end() {
      await done((callback) => output.end(() => callback()))
      // A person at a terminal is not asked to say goodbye to a peer that has left.
      if (stdin.isTTY) await events?.end()
    },
    destroy() {
      events = undefined
      stdin.destroy()
      if (output !== stdout) output.destroy()
    },
  }
}

/** Node never closes process.stdout: a socket of our own over the same descriptor is closed when it ends. */
function closable(stdout: NodeJS.WriteStream): Writable {
  if (stdout !== process.stdout || stdout.isTTY) return stdout
  const facts = fstatSync(1)
  if (!facts.isFIFO() && !facts.isSocket()) return stdout
  return new Socket({ fd: 1, readable: false, writable: true })
}
