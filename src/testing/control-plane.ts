/** A control plane of this checkout for real clients: server process's parts inside the test, files in a folder of its own, a free port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AdministratorIdentity, administratorIdentity } from '#cluster/administrator.ts'
import { type ClusterConfig, dataDirectory, defaultConfig, prepare } from '#cluster/data-directory.ts'
import { startServer } from '#cluster/start-server.ts'
import { type Background, type Ran, type RunOptions, run, start } from './bed-run.ts'
import { freePort } from './free-port.ts'

export interface ControlPlane extends AsyncDisposable {
  readonly server: string
  readonly administrator: AdministratorIdentity
  /** Path; its user is the administrator. */
  readonly kubeconfig: string
  /** Empty at first; for what a test hands to a client as a file. Programs start in it. */
  readonly files: string
  /** What the server could not do and told nobody else. */
  readonly errors: readonly string[]
  /** Runs a client with KUBECONFIG set. Does not throw when it fails. */
  run(
    program: string,
    args: readonly string[],
    options?: RunOptions & { readonly env?: Readonly<Record<string, string>> },
  ): Promise<Ran>
  /** Starts one that goes on. */
  start(program: string, args: readonly string[]): Background
}

/** No node, no containers, no root needed; controllers and scheduler run, unless `wishes` say otherwise. */
export async function openControlPlane(wishes: Partial<ClusterConfig> = {}): Promise<ControlPlane> {
  const root = mkdtempSync(join(tmpdir(), 'nami-control-plane-'))
  const files = mkdtempSync(join(root, 'files-'))
  const directory = dataDirectory(join(root, 'data'))
  const errors: string[] = []
  const log = { info: () => {}, error: (doing: string, error: unknown) => void errors.push(`${doing}: ${error}`) }
  const clean = () => {
    for (const path of [root, directory.run]) rmSync(path, { recursive: true, force: true })
  }
  prepare(directory)
  // The server advertises its port before it listens, so it cannot pick one itself.
  const config = { ...defaultConfig, nodeName: 'n1', port: await freePort(), agent: false, ...wishes }
  const running = await startServer(directory, config, log).catch((error) => {
    clean()
    throw error
  })
  const { kubeconfig } = directory
  const env = { PATH: process.env.PATH ?? '', HOME: root, KUBECONFIG: kubeconfig }
  return {
    ...{ server: `https://127.0.0.1:${running.port}`, kubeconfig, files, errors },
    administrator: administratorIdentity(directory) as AdministratorIdentity,
    run: (program, args, options = {}) => run(program, args, { cwd: files, ...options, env: { ...env, ...options.env } }),
    start: (program, args) => start(program, args, { env }),
    async [Symbol.asyncDispose]() {
      await running.close()
      clean()
    },
  }
}
