#!/bin/sh
# Called by udhcpc (the event in $1) and dhclient (the event in $reason): keeps the variables of
# the lease in a file and configures the interface.
case "${1:-$reason}" in
    bound | renew | BOUND | RENEW | REBIND | REBOOT) ;;
    *) exit 0 ;;
esac
set -e
env > LEASE_FILE.new
dev=${interface:-eth0}
ip address replace "${ip:-$new_ip_address}/${subnet:-$new_subnet_mask}" dev "$dev"
mtu=${mtu:-$new_interface_mtu}
[ -z "$mtu" ] || ip link set "$dev" mtu "$mtu"
if [ -n "$staticroutes" ]; then
    # Classless routes make the router option void (RFC 3442).
    set -- $staticroutes
    while [ $# -ge 2 ]; do
        case $2 in
            0.0.0.0) ip route replace "$1" dev "$dev" ;;
            *) ip route replace "$1" via "$2" dev "$dev" ;;
        esac
        shift 2
    done
else
    for gateway in ${router:-$new_routers}; do
        ip route replace default via "$gateway" dev "$dev"
        break
    done
fi
mv LEASE_FILE.new LEASE_FILE
