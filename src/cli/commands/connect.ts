// `underpass connect`: one tunnel on standard input and output, for OpenSSH's ProxyCommand and whatever else wants a program
// that is a connection. Stdout carries the stream and nothing else.
import { pipe, takeWire } from '../../stream/index.js'
import type { Call, Command } from '../command.js'
import { dialerOptions, dialOptions } from '../dial-options.js'
import { standardStreams } from '../proxy/standard-streams.js'

export const connect: Command = {
  name: 'connect',
  summary: "a tunnel on stdin and stdout, as for OpenSSH's ProxyCommand",
  usage: 'underpass connect [options] <origin>',
  details: `
Opens one tunnel and copies: stdin into it, what comes out of it to stdout. Either direction may end before
the other. Nothing but the stream is written to stdout; problems are told on stderr.

Exit status: 0 both sides ended cleanly; otherwise the status says what ended the tunnel.`,
  options: [
    ...dialOptions,
    {
      flag: 'retries',
      value: 'N',
      describe: 'further tries to reach the origin, with growing pauses',
      fallback: '0',
    },
  ],
  examples: [
    {
      line: 'ssh -o ProxyCommand="underpass connect --preset ssh --server-name %h proxy.example.com:443" alice@node',
      does: 'SSH through the load balancer; %h and %p are what OpenSSH was told to reach',
    },
    {
      line: 'underpass connect --alpn teleport-redis-ping --tsh -- proxy.example.com < commands > answers',
      does: 'any protocol from a file, with the login of tsh',
    },
  ],
  run,
}

async function run({ operands, settings, signal, stdin, stdout }: Call): Promise<number> {
  const { createDialer } = await import('../../platform/node/index.js')
  const retries = settings.number('retries')
  const dialer = createDialer({
    ...(await dialerOptions(settings, operands[0])),
    ...(retries !== undefined && { retry: { retries } }),
  })
  const streams = standardStreams(stdin, stdout)
  try {
    const tunnel = await dialer.connect({ signal })
    await pipe(streams, tunnel[takeWire](), { signal })
    return 0
  } finally {
    streams.destroy()
    await dialer.close()
  }
}
