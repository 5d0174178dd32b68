using System.Buffers.Binary;

namespace Ganymede.Training;

/// <summary>
/// Marks a required symbol version of a library as weak, so that the loader accepts a system that lacks it.
/// That is safe only if nothing of that version is ever looked up, which is checked first.
/// </summary>
internal static class ElfPatch
{
    /// <summary>
    /// GCC 13 makes every user of iostreams ask for this empty symbol, only to force a new enough libstdc++.
    /// No code refers to it.
    /// </summary>
    public const string HarmlessSymbol = "_ZSt21ios_base_library_initv";

    private const ushort Weak = 2;                   // VER_FLG_WEAK
    private const int SymbolSize = 24;
    private const ushort HiddenBit = 0x8000;

    /// <summary>A copy of <paramref name="library"/> with <paramref name="version"/> marked weak.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, does not ask for that version, or uses it for more than the one harmless symbol.
    /// </exception>
    public static byte[] Weaken(byte[] library, string version)
    {
        var elf = new ElfImage(library);
        var needs = elf.Find(ElfImage.VersionNeeds) ?? throw new InvalidDataException("the library needs no symbol versions");
        var references = References(elf, needs, version);
        if (references.Count == 0)
            throw new InvalidDataException($"the library does not ask for {version}");
        RefuseIfUsed(elf, version, [.. references.Select(reference => reference.Index)]);

        var patched = (byte[])library.Clone();
        foreach (var (flagsAt, _) in references)
            BinaryPrimitives.WriteUInt16LittleEndian(patched.AsSpan(flagsAt), (ushort)(elf.UInt16(flagsAt) | Weak));
        return patched;
    }

    private static List<(int FlagsAt, ushort Index)> References(ElfImage elf, ElfSection needs, string version)
    {
        var strings = elf.Linked(needs);
        var found = new List<(int, ushort)>();
        ulong need = needs.Offset;
        for (uint i = 0; i < needs.Info; i++)
        {
            var entry = elf.Offset(need, 16);
            var auxiliary = need + elf.UInt32(entry + 8);
            for (var left = elf.UInt16(entry + 2); left > 0; left--)
            {
                var at = elf.Offset(auxiliary, 16);
                if (elf.Text(strings, elf.UInt32(at + 8)) == version)
                    found.Add((at + 4, elf.UInt16(at + 6)));
                auxiliary += elf.UInt32(at + 12);
            }

            if (elf.UInt32(entry + 12) == 0)
                break;
            need += elf.UInt32(entry + 12);
        }

        return found;
    }

    private static void RefuseIfUsed(ElfImage elf, string version, HashSet<ushort> indices)
    {
        var symbols = elf.Find(ElfImage.DynamicSymbols) ?? throw new InvalidDataException("the library has no dynamic symbols");
        var versions = elf.Find(ElfImage.VersionOfSymbols) ?? throw new InvalidDataException("the library has no symbol versions");
        var names = elf.Linked(symbols);
        var first = elf.Offset(symbols.Offset, symbols.Size);
        var firstVersion = elf.Offset(versions.Offset, versions.Size);
        if (versions.Size / 2 != symbols.Size / SymbolSize)
            throw new InvalidDataException("the library's symbols and their versions differ in number");

        var carriers = new HashSet<uint>();
        for (var i = 0; i < (int)(symbols.Size / SymbolSize); i++)
        {
            if (!indices.Contains((ushort)(elf.UInt16(firstVersion + 2 * i) & ~HiddenBit)))
                continue;
            var name = elf.Text(names, elf.UInt32(first + i * SymbolSize));
            if (name != HarmlessSymbol)
                throw new InvalidDataException($"{name} needs {version}");
            carriers.Add((uint)i);
        }

        foreach (var section in elf.Sections.Where(s => s.Type is ElfImage.Relocations or ElfImage.RelocationsWithAddend))
        {
            var size = section.Type == ElfImage.Relocations ? 16UL : 24UL;
            var start = elf.Offset(section.Offset, section.Size);
            for (ulong at = 0; at + size <= section.Size; at += size)
                if (carriers.Contains((uint)(elf.UInt64(start + (int)at + 8) >> 32)))
                    throw new InvalidDataException($"a relocation uses {HarmlessSymbol}, which needs {version}");
        }
    }
}
