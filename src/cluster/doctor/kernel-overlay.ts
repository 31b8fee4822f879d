/** Whether the kernel can stack file systems; without, every container gets a copy of its whole image. */
import type { Check } from './check.ts'

export const kernelOverlay: Check = {
  name: 'overlayfs',
  about: 'overlay file systems in the kernel',
  needs: ['node'],

  async run({ machine }) {
    if (/\toverlay$/m.test(machine.readText('/proc/filesystems') ?? '')) return []
    const { code } = await machine.run('modprobe', ['--dry-run', 'overlay'])
    if (code === 0) return []
    return [
      {
        problem: 'The kernel has no overlayfs: each container gets a copy of its whole image, which is slow and fills the disk.',
        fix: ['apt-get install -y linux-image-amd64    (then reboot; any kernel with CONFIG_OVERLAY_FS will do)'],
      },
    ]
  },
}
