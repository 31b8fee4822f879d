#!/bin/sh
# MariaDB on the folder $DATA. Its first start makes the tables of the system; each start sets the password that the Secret holds now.
set -eu
: "${DATA:=/var/lib/mysql}" "${BLOG_PASSWORD:?the password of the user blog}"

if [ ! -d "$DATA/mysql" ]; then
  echo 'making a new database'
  rm -rf "$DATA/.new"
  mariadb-install-db --no-defaults --datadir="$DATA/.new" --basedir=/usr --skip-test-db --auth-root-authentication-method=normal >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
  # Only what is complete gets its final name, so that a start that was cut short is made again.
  mv "$DATA"/.new/* "$DATA/"
  rmdir "$DATA/.new"
fi

quoted=$(printf %s "$BLOG_PASSWORD" | sed "s/['\\\\]/\\\\&/g")
cat >/tmp/init.sql <<SQL
CREATE DATABASE IF NOT EXISTS blog CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS blog@'%';
ALTER USER blog@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('$quoted');
GRANT ALL ON blog.* TO blog@'%';
SQL
chmod 600 /tmp/init.sql

# In the shell's place: it gets the signal to end, and closes its files.
exec mariadbd --no-defaults --datadir="$DATA" --init-file=/tmp/init.sql --socket=/tmp/mysqld.sock --pid-file=/tmp/mysqld.pid \
  --bind-address=0.0.0.0 --skip-name-resolve --log-warnings=1 --innodb-buffer-pool-size=32M --performance-schema=OFF
