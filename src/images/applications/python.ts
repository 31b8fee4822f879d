/** Python applications: this machine's interpreter with its standard library, the packages of a virtual environment, source. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ImageError } from '../image.ts'
import { type Entry, entriesOf } from '../layer.ts'
import { fileEntry, type RuntimeSources, sharedLibraries, shellLayer } from '../runtime-layer.ts'
import type { Component } from '../sbom.ts'
import { type ApplicationKind, commandOf, type LayerPlan, webProcess } from './application.ts'

const run = promisify(execFile)

export const pythonApplication: ApplicationKind = {
  name: 'Python',
  isIn: (directory) =>
    ['requirements.txt', 'pyproject.toml', 'setup.py', 'manage.py', 'app.py', 'main.py'].some((name) =>
      existsSync(join(directory, name)),
    ),

  async plan(directory, { runtime, base }) {
    const start = await startLine(directory)
    const environment = ['.venv', 'venv'].find((name) => existsSync(join(directory, name, 'bin/python')))
    if (!environment && (await needsPackages(directory))) {
      throw new ImageError(
        'NotFound',
        `the packages of ${directory} are not installed; type: python3 -m venv ${join(directory, '.venv')} && ${join(directory, '.venv/bin/pip')} install -r ${join(directory, 'requirements.txt')}`,
      )
    }
    const interpreter = await interpreterOf(environment ? join(directory, environment, 'bin/python') : 'python3')
    const packages = environment && join(directory, environment, 'lib', `python${interpreter.version}`, 'site-packages')
    const shell = await shellLayer(runtime)
    return {
      ...(!base && { runtime: await runtimeLayer(interpreter, shell, runtime) }),
      ...(packages && { dependencies: await packageLayer(packages, interpreter.version) }),
      apart: ['.venv', 'venv'],
      command: commandOf(start, { python: 'python3', python3: base ? 'python3' : '/usr/local/bin/python3' }),
      env: [
        'PYTHONUNBUFFERED=1',
        'PYTHONDONTWRITEBYTECODE=1',
        ...(interpreter.libraries.some(isElsewhere) ? ['LD_LIBRARY_PATH=/usr/local/lib'] : []),
      ],
      components: packages ? await componentsOf(packages) : [],
    }
  },
}

async function startLine(directory: string): Promise<string> {
  const procfile = join(directory, 'Procfile')
  const web = existsSync(procfile) ? webProcess(await readFile(procfile, 'utf8')) : undefined
  const entry = ['app.py', 'main.py', 'server.py'].find((name) => existsSync(join(directory, name)))
  if (!web && !entry) {
    throw new ImageError(
      'NotFound',
      `${directory} has no Procfile with a line "web: COMMAND", and no app.py, main.py or server.py`,
    )
  }
  return (web ?? `python3 ${entry}`).replace(/^python\s/, 'python3 ')
}

async function needsPackages(directory: string): Promise<boolean> {
  const file = join(directory, 'requirements.txt')
  return existsSync(file) && /^\s*[A-Za-z]/m.test(await readFile(file, 'utf8'))
}

interface Interpreter {
  readonly executable: string
  readonly version: string
  readonly library: string
  readonly libraries: readonly string[]
}

const question =
  'import json,os,sys,sysconfig;print(json.dumps({"executable":os.path.realpath(sys.executable),"version":"%d.%d"%sys.version_info[:2],"library":sysconfig.get_path("stdlib")}))'

async function interpreterOf(program: string): Promise<Interpreter> {
  const { stdout } = await run(program, ['-c', question]).catch((error) => {
    throw new ImageError('NotFound', `a Python application needs ${program} on this machine, or a base image: --base NAME`, {
      cause: error,
    })
  })
  const found = JSON.parse(stdout) as Omit<Interpreter, 'libraries'>
  const extensions = join(found.library, 'lib-dynload')
  const modules = existsSync(extensions) ? (await readdir(extensions)).map((name) => join(extensions, name)) : []
  const libraries = new Set<string>()
  for (const path of [found.executable, ...modules]) for (const library of await sharedLibraries(path)) libraries.add(library)
  return { ...found, libraries: [...libraries].sort() }
}

/** Folders that only root may enter cannot hold what others load. */
const isElsewhere = (path: string) => /^\/(root|home)\//.test(path)

/** Of the standard library, what no server runs. */
const leftOut =
  /(^|\/)(__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|site-packages|dist-packages|config-[^/]+)$/

async function runtimeLayer(interpreter: Interpreter, shell: LayerPlan, { busybox }: RuntimeSources): Promise<LayerPlan> {
  const { executable, version, library, libraries } = interpreter
  const { size, mtimeMs } = await stat(executable)
  return {
    key: `python-1 ${executable} ${size}/${Math.trunc(mtimeMs)} ${busybox} ${shell.key}`,
    async entries() {
      const files = await Promise.all(
        libraries.map(async (path) =>
          fileEntry(isElsewhere(path) ? `usr/local/lib/${path.split('/').at(-1)}` : path.slice(1), path, 0o755),
        ),
      )
      const standard = await entriesOf(await realpath(library), `usr/local/lib/python${version}`, (path) => leftOut.test(path))
      const programs: Entry[] = [
        await fileEntry(`usr/local/bin/python${version}`, executable, 0o755),
        { path: 'usr/local/bin/python3', link: `python${version}` },
        { path: 'usr/local/bin/python', link: `python${version}` },
      ]
      return [...(await shell.entries()), ...programs, ...files, ...standard]
    },
  }
}

async function packageLayer(packages: string, version: string): Promise<LayerPlan> {
  const names = (await readdir(packages)).sort()
  const times = await Promise.all(names.map(async (name) => `${name} ${(await stat(join(packages, name))).mtimeMs}`))
  return {
    key: `packages-1 ${packages} ${times.join(' ')}`,
    entries: () =>
      entriesOf(packages, `usr/local/lib/python${version}/site-packages`, (path) =>
        /(^|\/)(__pycache__|pip|pip-[^/]+\.dist-info)$/.test(path),
      ),
  }
}

async function componentsOf(packages: string): Promise<Component[]> {
  const infos = (await readdir(packages)).map((name) => /^(.+)-([^-]+)\.dist-info$/.exec(name)).filter((match) => match !== null)
  return infos.flatMap(([, name = '', version = '']) =>
    name === 'pip' ? [] : [{ name, version, purl: `pkg:pypi/${name.toLowerCase().replace(/_/g, '-')}@${version}` }],
  )
}
