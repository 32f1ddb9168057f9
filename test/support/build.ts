// The package as a user has it, in a folder of its own, inside node_modules so that its imports resolve; without the console.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Build {
  /** What `dist` would be. */
  readonly folder: string
  /** What `underpass` on the command line runs. */
  readonly command: string
  remove(): Promise<void>
}

export async function buildPackage(root: string): Promise<Build> {
  const home = await mkdtemp(join(root, 'node_modules', '.underpass-build-'))
  const folder = join(home, 'dist')
  const remove = () => rm(home, { recursive: true, force: true })
  const run = promisify(execFile)
  try {
    await run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json', '--outDir', folder], {
      cwd: root,
    })
    for (const step of ['forge-digests', 'node-chunks'])
      await run(process.execPath, ['scripts/run.mjs', step, folder], { cwd: root })
    await symlink(join(root, 'package.json'), join(home, 'package.json'))
  } catch (error) {
    await remove()
    throw error
  }
  return { folder, command: join(folder, 'node', 'cli.js'), remove }
}
