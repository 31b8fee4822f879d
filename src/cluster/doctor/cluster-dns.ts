/** Whether names of the cluster are answered at its DNS address. */
import { kubernetesServiceIp } from '#apiserver/kubernetes-service.ts'
import type { Check } from './check.ts'

export const clusterDns: Check = {
  name: 'DNS',
  about: 'names of the cluster at its DNS address',
  needs: ['cluster', 'node', 'running'],

  async run({ machine, config, directory }) {
    const name = `kubernetes.default.svc.${config.clusterDomain}`
    const wanted = kubernetesServiceIp(config.serviceCidr)
    const fix = [
      `nslookup ${name} ${config.clusterDns}`,
      `nft list map ip nami services | grep -F '${config.clusterDns} '    must show port 53`,
      `tail ${directory.logs}/agent.log`,
    ]
    const addresses = await machine.resolve(name, config.clusterDns).catch((error: Error) => error)
    if (addresses instanceof Error) {
      return [{ problem: `DNS at ${config.clusterDns} does not answer for ${name}: ${addresses.message}`, fix }]
    }
    if (addresses.includes(wanted)) return []
    const got = addresses.join(', ') || 'nothing'
    return [{ problem: `DNS at ${config.clusterDns} answers ${got} for ${name}; it should be ${wanted}.`, fix }]
  },
}
