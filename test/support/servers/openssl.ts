// `openssl s_server` as the inner TLS server: what a client sends appears in its log, what a test types is sent, and the
// lines `k` and `K` make it update its keys.
import type { Authority, Issued } from '../certificates.js'
import { temporaryFolder, writeAuthority, writeCertificate } from '../files.js'
import { requireProgram } from '../peers.js'
import { freePort, type ServerProcess, startProcess } from './process.js'

export interface OpensslServerOptions {
  readonly certificate: Pick<Issued, 'chain' | 'privateKey'>
  /** Require a client certificate that this authority signed (`-Verify 1 -verify_return_error`). */
  readonly clientAuthority?: Authority
  readonly alpn?: readonly string[]
  /**
   * `echo` answers every line reversed (`-rev`), `status` answers an HTTP request with the session's facts (`-www`),
   * `console` shows and sends (the default).
   */
  readonly behaviour?: 'console' | 'echo' | 'status'
  /** Any other switch, as `['-groups', 'P-384']`. Default protocol: TLS 1.3 only. */
  readonly args?: readonly string[]
}

export interface OpensslServer extends ServerProcess {
  /** Send these bytes to the connected client (behaviour `console`). */
  type(text: string): void
}

export async function startOpensslServer(options: OpensslServerOptions): Promise<OpensslServer> {
  const folder = await temporaryFolder('openssl')
  const port = await freePort()
  const { certificate, privateKey } = await writeCertificate(folder, 'srv', options.certificate)
  const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', certificate, '-cert_chain', certificate]
  args.push('-key', privateKey, ...(options.args ?? ['-tls1_3']))
  if (options.clientAuthority) {
    const authority = await writeAuthority(folder, 'client-ca', options.clientAuthority)
    args.push('-CAfile', authority, '-Verify', '1', '-verify_return_error')
  }
  if (options.alpn && options.alpn.length > 0) args.push('-alpn', options.alpn.join(','))
  if (options.behaviour === 'echo') args.push('-rev')
  if (options.behaviour === 'status') args.push('-www')
  const server = await startProcess({
    command: requireProgram('openssl'),
    args,
    port,
    ready: /ACCEPT/,
    cleanup: folder.remove,
  })
  return { ...server, type: (text) => void server.child.stdin?.write(text) }
}
