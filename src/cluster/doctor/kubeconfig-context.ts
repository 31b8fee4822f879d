/** Whether the user's kubeconfig leads to this cluster. */
import { parseYaml } from '#schema/yaml.ts'
import type { Check, DoctorContext } from './check.ts'

interface Kubeconfig {
  readonly clusters?: readonly Named<'cluster', { readonly server?: string; readonly 'certificate-authority-data'?: string }>[]
  readonly contexts?: readonly Named<'context', { readonly cluster?: string; readonly user?: string }>[]
}
type Named<K extends string, V> = { readonly name: string } & { readonly [key in K]?: V }

export const kubeconfigContext: Check = {
  name: 'kubeconfig',
  about: 'the context by which kubectl finds this cluster',
  needs: ['cluster'],

  run(context) {
    const { machine, directory, userKubeconfig, config } = context
    const own = read(machine.readText(directory.kubeconfig))
    if (!own || own instanceof Error) return []
    const users = read(machine.readText(userKubeconfig))
    if (users instanceof Error) {
      return [{ problem: `${userKubeconfig} cannot be read: ${users.message}`, fix: [`${'$'}{EDITOR:-vi} ${userKubeconfig}`] }]
    }
    const wrong = difference(users ?? {}, { own, name: config.name })
    if (!wrong) return []
    return [{ problem: `In ${userKubeconfig} ${wrong}.`, fix: ['nami up    puts it in', withoutMerging(context)] }]
  },
}

function read(text: string | undefined): Kubeconfig | Error | undefined {
  if (text === undefined) return undefined
  try {
    return (parseYaml(text)[0]?.value ?? {}) as Kubeconfig
  } catch (error) {
    return error as Error
  }
}

function difference(users: Kubeconfig, { own, name }: { own: Kubeconfig; name: string }): string | undefined {
  const context = users.contexts?.find((one) => one.name === name)?.context
  if (!context) return `there is no context ${JSON.stringify(name)}`
  const there = users.clusters?.find((one) => one.name === context.cluster)?.cluster
  const here = own.clusters?.[0]?.cluster
  if (!there) return `the context ${JSON.stringify(name)} names a cluster that is not there`
  if (there.server !== here?.server) return `the context ${JSON.stringify(name)} leads to ${there.server}, not to ${here?.server}`
  if (there['certificate-authority-data'] !== here?.['certificate-authority-data']) {
    return `the context ${JSON.stringify(name)} trusts another cluster's authority`
  }
  return undefined
}

function withoutMerging({ directory }: DoctorContext): string {
  return `kubectl --kubeconfig ${directory.kubeconfig} get nodes    works without`
}
