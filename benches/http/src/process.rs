//! A server's processes: their start and end, their CPU time and their memory.

use crate::Outcome;
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;

/// A process that ends when this value is dropped.
pub struct Started(pub Child);

impl Drop for Started {
    /// Ends the process by SIGTERM, so that Apache also ends its other processes.
    fn drop(&mut self) {
        if let Ok(process) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(process), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

/// Starts a server, and waits until it accepts connections.
pub async fn start(mut command: Command, address: SocketAddr) -> Outcome<Started> {
    let mut started = Started(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = started.0.try_wait()? {
            return Err(format!("{} ended: {status}", command.get_program().display()).into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(started)
}

/// Starts a Redis that writes no files.
pub async fn redis(folder: &Path, address: SocketAddr) -> Outcome<Started> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port"]).arg(address.port().to_string());
    command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    start(command, address).await
}

/// Returns a process and all its descendants.
pub fn tree(root: u32) -> Outcome<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that has just ended has no file any more.
        if let Ok(fields) = fields(process) {
            parents.push((process, fields[PARENT].parse::<u32>()?));
        }
    }
    let mut found = vec![root];
    let mut index = 0;
    while let Some(&parent) = found.get(index) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        index += 1;
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the CPU time of the processes since their start.
pub fn cpu_time(processes: &[u32]) -> Outcome<Duration> {
    let mut sum = Duration::ZERO;
    for process in processes {
        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(*process)?))?;
        sum += Duration::from(clock_gettime(clock)?);
    }
    Ok(sum)
}

/// Returns the kernel's share of the CPU time since the start. The kernel does the work for sockets and files.
pub fn kernel_share(processes: &[u32]) -> Outcome<f64> {
    let (mut user, mut kernel) = (0.0, 0.0);
    for process in processes {
        let fields = fields(*process)?;
        user += fields[USER].parse::<f64>()?;
        kernel += fields[KERNEL].parse::<f64>()?;
    }
    Ok(kernel / (user + kernel))
}

/// Returns the memory in bytes. A page that several processes share is counted once among these processes.
pub fn memory(processes: &[u32]) -> Outcome<u64> {
    let mut sum = 0;
    for process in processes {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss")?;
        sum += line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024;
    }
    Ok(sum)
}

/// Fields of /proc/PID/stat after the name of the program (proc(5)): ppid, utime and stime.
const PARENT: usize = 1;
const USER: usize = 11;
const KERNEL: usize = 12;

fn fields(process: u32) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = text.rsplit_once(") ").ok_or("no name")?;
    Ok(after_name.split(' ').map(String::from).collect())
}
