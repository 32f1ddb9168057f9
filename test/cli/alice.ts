// What commands are run against: the built program, a gateway in front of an echo, and Alice, whom the gateway lets in.
import { type TemporaryFolder, temporaryFolder, writeAuthority, writeCertificate } from '../support/files.js'
import { startEcho } from '../support/services.js'
import { createStage, type Stage } from '../support/stage.js'
import { buildCli, type Cli } from './run.js'

export interface World {
  readonly cli: Cli
  readonly stage: Stage
  readonly folder: TemporaryFolder
  /** The gateway's authority, a file. */
  readonly host: string
  /** `--cert` and `--key`. */
  readonly alice: string[]
  remove(): Promise<void>
}

export async function aliceWorld(name: string): Promise<World> {
  const [cli, echo, folder] = await Promise.all([buildCli(), startEcho(), temporaryFolder(name)])
  const stage = await createStage({ echo: echo.port })
  const issued = await stage.users.issue({ commonName: 'alice', usage: 'client' })
  const { certificate, privateKey } = await writeCertificate(folder, 'alice', issued)
  const host = await writeAuthority(folder, 'host', stage.host)
  const alice = ['--cert', certificate, '--key', privateKey]
  const remove = async () => {
    await stage[Symbol.asyncDispose]()
    await echo.stop()
    await cli.remove()
    await folder.remove()
  }
  return { cli, stage, folder, host, alice, remove }
}
