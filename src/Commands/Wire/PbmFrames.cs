using MessagePack;

namespace Ganymede.Commands;

/// <summary>What goes between shell and endpoint. The shell says hello first; then each asks and answers.</summary>
[Union(1, typeof(Hello))]
[Union(2, typeof(Welcome))]
[Union(3, typeof(Invoke))]
[Union(4, typeof(Line))]
[Union(5, typeof(Ended))]
[Union(6, typeof(Cancel))]
public interface IPbmFrame;

/// <summary>Shell to endpoint, within five seconds.</summary>
/// <param name="Magic"><see cref="PbmWire.Magic"/>.</param>
[MessagePackObject]
public sealed record Hello([property: Key(0)] string Magic, [property: Key(1)] int Version) : IPbmFrame;

/// <summary>Endpoint to shell: who I am, and what I can do.</summary>
[MessagePackObject]
public sealed record Welcome(
    [property: Key(0)] int Version, [property: Key(1)] string Role, [property: Key(2)] string Akka, [property: Key(3)] PaletteInfo[] Palettes) : IPbmFrame;

/// <summary>Shell to endpoint: do this. One at a time.</summary>
[MessagePackObject]
public sealed record Invoke([property: Key(0)] int Id, [property: Key(1)] string[] Words) : IPbmFrame;

/// <summary>Endpoint to shell: a line of what was asked for.</summary>
[MessagePackObject]
public sealed record Line([property: Key(0)] int Id, [property: Key(1)] string Text) : IPbmFrame;

/// <summary>Endpoint to shell: that was all.</summary>
/// <param name="Status">0 done, 1 failed, 2 not understood: the shell's exit codes.</param>
/// <param name="Text">Why it was not done; null when it was.</param>
[MessagePackObject]
public sealed record Ended([property: Key(0)] int Id, [property: Key(1)] int Status, [property: Key(2)] string? Text) : IPbmFrame;

/// <summary>Shell to endpoint: enough of that.</summary>
[MessagePackObject]
public sealed record Cancel([property: Key(0)] int Id) : IPbmFrame;

/// <summary>A palette, for help and completion.</summary>
[MessagePackObject]
public sealed record PaletteInfo(
    [property: Key(0)] string Name, [property: Key(1)] string Help, [property: Key(2)] string[] Aliases, [property: Key(3)] CommandInfo[] Commands);

/// <summary>A command, for help and completion.</summary>
[MessagePackObject]
public sealed record CommandInfo(
    [property: Key(0)] string Name, [property: Key(1)] string Help, [property: Key(2)] string Usage, [property: Key(3)] bool Streams,
    [property: Key(4)] ArgumentInfo[] Arguments);

/// <summary>An argument, for help and completion.</summary>
[MessagePackObject]
public sealed record ArgumentInfo(
    [property: Key(0)] string Name, [property: Key(1)] string[] Switches, [property: Key(2)] string Help, [property: Key(3)] bool IsMandatory,
    [property: Key(4)] bool IsFlag);
