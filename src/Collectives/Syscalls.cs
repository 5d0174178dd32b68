using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Ganymede.Collectives;

/// <summary>What .NET's sockets cannot do: header and payload in one call without an array of segments, and waiting for many sockets
/// without allocating. Linux on 64 bits.</summary>
internal static partial class Syscalls
{
    public const short Readable = 0x1;
    public const short Writable = 0x4;

    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int Interrupted = 4;
    private const int WouldBlock = 11;
    private const int NonBlockingEvent = 0x800 | 0x80000; // and closed on exec

    /// <summary>Sends what the socket takes at once of both spans, in order; 0: nothing just now.</summary>
    /// <exception cref="SocketException">The connection is broken.</exception>
    public static unsafe int Send(SafeSocketHandle socket, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        fixed (byte* head = first)
        fixed (byte* tail = second)
        {
            var parts = stackalloc Part[2] { new(head, first.Length), new(tail, second.Length) };
            var message = new Message { Parts = parts, Count = 2 };
            return Result(SendMessage(socket, &message, DontWait | NoSignal));
        }
    }

    /// <summary>Receives what is there into the first span and, once that is full, the second; 0: nothing just now, -1: the peer has closed.</summary>
    /// <exception cref="SocketException">The connection is broken.</exception>
    public static unsafe int Receive(SafeSocketHandle socket, Span<byte> first, Span<byte> second)
    {
        fixed (byte* head = first)
        fixed (byte* tail = second)
        {
            var parts = stackalloc Part[2] { new(head, first.Length), new(tail, second.Length) };
            var message = new Message { Parts = parts, Count = 2 };
            var count = ReceiveMessage(socket, &message, DontWait);
            return count == 0 ? -1 : Result(count);
        }
    }

    /// <summary>Waits until something is ready, or for so long.</summary>
    public static unsafe void Poll(ReadOnlySpan<PollEntry> entries, int milliseconds)
    {
        fixed (PollEntry* first = entries)
        {
            _ = Poll(first, (nuint)entries.Length, milliseconds); // interrupted or late: the caller looks again
        }
    }

    /// <summary>A descriptor that is readable once 8 bytes have been written to it, until they are read.</summary>
    public static SafeFileHandle NewEvent()
    {
        var descriptor = EventDescriptor(0, NonBlockingEvent);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"no event descriptor can be had (error {Marshal.GetLastPInvokeError()})");
    }

    public static unsafe void Write(SafeFileHandle handle, ulong value) => _ = Write(handle, &value, sizeof(ulong));

    public static unsafe void Read(SafeFileHandle handle)
    {
        ulong value;
        _ = Read(handle, &value, sizeof(ulong));
    }

    private static int Result(nint count)
    {
        if (count >= 0)
        {
            return (int)count;
        }

        var error = Marshal.GetLastPInvokeError();
        return error is WouldBlock or Interrupted
            ? 0
            : throw new SocketException((int)(error switch
            {
                104 => SocketError.ConnectionReset,
                32 => SocketError.Shutdown,
                110 => SocketError.TimedOut,
                _ => SocketError.SocketError,
            }), $"error {error}");
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMessage(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static unsafe partial nint ReceiveMessage(SafeSocketHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static unsafe partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static unsafe partial nint Write(SafeFileHandle handle, void* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static unsafe partial nint Read(SafeFileHandle handle, void* bytes, nuint count);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal record struct PollEntry(int Descriptor, short Wanted)
    {
        private readonly short _happened;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly unsafe struct Part(byte* start, int length)
    {
        private readonly byte* _start = start;
        private readonly nuint _length = (nuint)length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Message
    {
        private readonly void* _name;
        private readonly nuint _nameLength;
        public Part* Parts;
        public nuint Count;
        private readonly void* _control;
        private readonly nuint _controlLength;
        private readonly int _flags;
    }
}
